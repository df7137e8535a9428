"""Writes the dashboards and alert rules for Grafana: build.py; with --check it compares them with what is there instead.

Needs the packages of requirements.txt and Python 3.11. What is written is also read back by the SDK's own models.
"""

import json
import pathlib
import sys

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import alerting
from grafana_foundation_sdk.models.dashboard import Dashboard

from agents import agents
from alerts import OWN, grafana_rule
from operations import operations
from quality import quality

HERE = pathlib.Path(__file__).parent
# Of a rule, what is the group's or the folder's in a provisioning file.
ELSEWHERE = ("orgID", "folderUID", "ruleGroup")


def plain(value: object) -> dict:
    """As JSON has it."""
    return json.loads(json.dumps(value, cls=JSONEncoder))


def checked(name: str, value: dict, read) -> dict:
    """The same, if the SDK reads it and loses nothing."""
    again = plain(read(value))
    if again != value:
        raise SystemExit(f"{name}: the SDK reads something else than was written")
    return value


class Dumper(yaml.SafeDumper):
    """Queries of several lines are blocks."""


Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar(
    "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None))


def alert_rules() -> str:
    prometheus = yaml.safe_load((HERE / "../alerts.yaml").read_text())
    groups = []
    for group in prometheus["groups"]:
        if missing := set(OWN) - {rule["alert"] for rule in group["rules"]}:
            raise SystemExit(f"alerts.py has SQL for rules that are not in alerts.yaml: {missing}")
        made = [checked(rule["alert"], plain(grafana_rule(rule)), alerting.Rule.from_json) for rule in group["rules"]]
        groups.append({"orgId": 1, "name": group["name"], "folder": "Voice", "interval": "1m",
                       "rules": [{key: value for key, value in rule.items() if key not in ELSEWHERE} for rule in made]})
    head = "# Made by ../../build.py of docs/monitoring/alerts.yaml.\n"
    return head + yaml.dump({"apiVersion": 1, "groups": groups}, Dumper=Dumper, sort_keys=False, width=200, allow_unicode=True)


def files() -> dict[str, str]:
    made = {"provisioning/alerting/voice.yaml": alert_rules()}
    for name, board in {"operations": operations, "quality": quality, "agents": agents}.items():
        value = checked(name, plain(board().build()), Dashboard.from_json)
        made[f"dashboards/{name}.json"] = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return made


def main() -> None:
    register_default_plugins()
    differing = []
    for name, text in files().items():
        path = HERE / name
        if path.exists() and path.read_text() == text:
            continue
        differing.append(name)
        if sys.argv[1:] != ["--check"]:
            path.write_text(text)
            print(f"{name}: written")
    if differing and sys.argv[1:] == ["--check"]:
        raise SystemExit(f"not what build.py writes: {', '.join(differing)}")


if __name__ == "__main__":
    main()
