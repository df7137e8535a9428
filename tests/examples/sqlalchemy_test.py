"""docs/orm/sqlalchemy_models.py, as the application's role: create, end, read, and what a delete does."""

from sqlalchemy import create_engine, func, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

import sqlalchemy_models as models
from rows import analyzed

engine = create_engine("postgresql+psycopg://")
models.prepare(engine)
Call, Turn, ToolCall = models.Call, models.Turn, models.ToolCall
with Session(engine) as session:
    call = Call(agent_id="iris", from_number="+12125550142", turns=[Turn(role="assistant", text="Hello"), Turn(role="user", text="A cut on Tuesday")])
    call.tool_calls.append(ToolCall(name="book", args={"at": [1, 2]}, result=[]))
    session.add(call)
    session.commit()
    assert call.status == "in_progress" and call.id.version == 7
    call.status = "completed"
    session.flush()
    assert call.ended_at is not None and call.duration_ms is not None, "what the database fills in is read back"
    session.commit()
    analyzed(call.id)
with Session(engine) as session:
    call = session.scalars(select(Call).where(Call.from_number == "+12125550142")).one()
    assert [(t.role, t.text) for t in call.turns] == [("assistant", "Hello"), ("user", "A cut on Tuesday")]
    assert (call.tool_calls[0].args, call.tool_calls[0].result) == ({"at": [1, 2]}, [])
    assert 0 <= call.analytics.lead_score <= 100
    assert session.scalar(select(func.count()).select_from(Turn)) == 2
    # Turns are loaded: the database deletes them, the session leaves their keys alone. A writer may not.
    session.delete(call)
    try:
        session.commit()
        raise SystemExit("a writer deleted a call")
    except DBAPIError as refused:
        assert refused.orig.sqlstate == "42501", refused
        session.rollback()
    call.status, call.ended_at = "in_progress", None
    try:
        session.commit()
        raise SystemExit("an ended call started again")
    except IntegrityError as refused:
        assert refused.orig.sqlstate == "23514" and "Start a new call" in refused.orig.diag.message_hint, refused
owner = create_engine("postgresql+psycopg://postgres@")
with Session(owner) as session:
    call = session.scalars(select(Call)).one()
    assert len(call.turns) == 2
    session.delete(call)
    session.commit()
    assert session.scalar(select(func.count()).select_from(Turn)) == 0
print("sqlalchemy: created, ended, read, refused, deleted")
