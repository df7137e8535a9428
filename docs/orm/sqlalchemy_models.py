"""The tables of schema voice for SQLAlchemy 2: columns are reflected, relations written out.

The foreign keys stand between the monthly partitions, where reflection does not find them. Call prepare(engine) once.
"""

from sqlalchemy import DateTime, Engine, FetchedValue, Integer, MetaData, Text
from sqlalchemy.ext.declarative import DeferredReflection
from sqlalchemy.orm import DeclarativeBase, mapped_column, relationship


class Base(DeferredReflection, DeclarativeBase):
    metadata = MetaData(schema="voice")


class Agent(Base):
    __tablename__ = "agent"


class Call(Base):
    __tablename__ = "call"
    # What triggers fill in is read back.
    status = mapped_column(Text, server_default=FetchedValue(), server_onupdate=FetchedValue())
    ended_at = mapped_column(DateTime(timezone=True), server_default=FetchedValue(), server_onupdate=FetchedValue())
    duration_ms = mapped_column(Integer, server_default=FetchedValue(), server_onupdate=FetchedValue())
    # passive_deletes: the database deletes turns with their call, and their key cannot be blanked out before.
    turns = relationship(
        "Turn", primaryjoin="foreign(Turn.call_id) == Call.id", order_by="[Turn.started_at, Turn.id]",
        back_populates="call", passive_deletes="all",
    )
    tool_calls = relationship(
        "ToolCall", primaryjoin="foreign(ToolCall.call_id) == Call.id", order_by="[ToolCall.invoked_at, ToolCall.id]",
        back_populates="call", passive_deletes="all",
    )
    analytics = relationship(
        "Analytics", primaryjoin="foreign(Analytics.call_id) == Call.id", uselist=False, viewonly=True
    )
    results = relationship("Result", primaryjoin="foreign(Result.call_id) == Call.id", viewonly=True)


class Turn(Base):
    __tablename__ = "turn"
    call = relationship("Call", primaryjoin="foreign(Turn.call_id) == Call.id", back_populates="turns")


class ToolCall(Base):
    __tablename__ = "tool_call"
    call = relationship("Call", primaryjoin="foreign(ToolCall.call_id) == Call.id", back_populates="tool_calls")


class Analytics(Base):
    """Written by the worker; read it."""

    __tablename__ = "analytics"


class Result(Base):
    """One row a call, analysis and version; written by the worker, read it."""

    __tablename__ = "result"


def prepare(engine: Engine) -> None:
    Base.prepare(engine, resolve_fks=False)
