"""Queries and panels of the dashboards, over the builders of Grafana's foundation SDK."""

import re
import typing

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import common as build_common
from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.cog import builder as cog
from grafana_foundation_sdk.cog import runtime, variants
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model

PLUGIN = "grafana-postgresql-datasource"
# Each dashboard has a variable of this name, so that one set of dashboards serves a data source a tenant.
SOURCE = model.DataSourceRef(type_val=PLUGIN, uid="${datasource}")


class PostgresQuery(variants.Dataquery):
    """A query of Grafana's PostgreSQL data source, which the SDK has no type of its own for."""

    def __init__(self, sql: str, result: str, ref_id: str, source: model.DataSourceRef) -> None:
        self.sql, self.result, self.ref_id, self.source = sql, result, ref_id, source

    def to_json(self) -> dict[str, object]:
        return {
            "refId": self.ref_id,
            "datasource": self.source,
            "editorMode": "code",
            "format": self.result,
            "rawQuery": True,
            "rawSql": self.sql,
        }

    @classmethod
    def from_json(cls, data: dict[str, typing.Any]) -> typing.Self:
        return cls(data["rawSql"], data["format"], data["refId"], model.DataSourceRef.from_json(data["datasource"]))


runtime.register_dataquery_variant(
    runtime.DataqueryConfig(identifier=PLUGIN, from_json_hook=PostgresQuery.from_json))


class Query(cog.Builder[variants.Dataquery]):
    """sql: its indentation is taken away; result: table or time_series (a column "time", rows in its order)."""

    def __init__(self, sql: str, result: str = "table", ref_id: str = "A", source: model.DataSourceRef = SOURCE) -> None:
        lines = sql.strip("\n").split("\n")
        indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        self.query = PostgresQuery("\n".join(line[indent:] for line in lines).rstrip(), result, ref_id, source)

    def build(self) -> variants.Dataquery:
        return self.query


def steps(*values: typing.Union[str, float]) -> model.ThresholdsConfig:
    """steps("green", 60, "orange", 300, "red")"""
    colors, bounds = values[::2], (None, *values[1::2])
    return (build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE)
            .steps([model.Threshold(value=bound, color=color) for bound, color in zip(bounds, colors)]))


def shown(unit: typing.Optional[str] = None, thresholds: typing.Optional[tuple] = None, **more: object) -> list:
    """What an override of a field says: its unit, its thresholds."""
    properties = [] if unit is None else [model.DynamicConfigValue("unit", unit)]
    if thresholds:
        properties.append(model.DynamicConfigValue("thresholds", steps(*thresholds).build()))
        properties.append(model.DynamicConfigValue("color", {"mode": "thresholds"}))
    return properties + [model.DynamicConfigValue(name, value) for name, value in more.items()]


def place(panel, title: str, about: str, query: Query, width: int, height: int, fields: dict[str, list], last: typing.Optional[str] = None):
    """Fields by name, or by a pattern between slashes. last: the panel's own stretch of time, whatever the dashboard shows."""
    panel.title(title).description(about).datasource(SOURCE).with_target(query).span(width).height(height)
    for name, properties in fields.items():
        pattern = re.fullmatch("/.*/", name)
        (panel.override_by_regexp if pattern else panel.override_by_name)(name, properties)
    if last:
        panel.time_from(last)
    return panel


def figures(title: str, about: str, sql: str, width: int, fields: dict[str, list], height: int = 4, text: bool = False):
    """One row, a tile a column. text: its column is text, and coloured by the mappings of its field."""
    panel = stat.Panel().thresholds(steps("text")).color_mode(common.BigValueColorMode.VALUE).graph_mode(common.BigValueGraphMode.NONE)
    panel.text_mode(common.BigValueTextMode.VALUE if text else common.BigValueTextMode.VALUE_AND_NAME)
    panel.orientation(common.VizOrientation.AUTO).no_value("–")
    panel.reduce_options(build_common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields("/.*/" if text else ""))
    return place(panel, title, about, Query(sql), width, height, fields)


def lines(title: str, about: str, sql: str, width: int, unit: str, fields: typing.Optional[dict[str, list]] = None,
          last: typing.Optional[str] = None, low: typing.Optional[float] = 0, high: typing.Optional[float] = None):
    """A line a column, or a column and value of "metric"."""
    panel = timeseries.Panel().unit(unit).line_width(2).fill_opacity(8).show_points(common.VisibilityMode.AUTO).span_nulls(False)
    panel.legend(legend()).tooltip(build_common.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    panel = panel if low is None else panel.min(low)
    panel = panel if high is None else panel.max(high)
    return place(panel, title, about, Query(sql, "time_series"), width, 8, fields or {}, last)


def bars(title: str, about: str, sql: str, width: int, unit: str = "short", fields: typing.Optional[dict[str, list]] = None,
         last: typing.Optional[str] = None):
    """The same, as bars on top of each other."""
    panel = lines(title, about, sql, width, unit, fields, last)
    panel.draw_style(common.GraphDrawStyle.BARS).fill_opacity(80).line_width(0)
    return panel.stacking(build_common.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))


def rows(title: str, about: str, sql: str, width: int, fields: dict[str, list], height: int = 8, last: typing.Optional[str] = None):
    """A table."""
    return place(table.Panel().align(common.FieldTextAlignment.AUTO).no_value("–"), title, about, Query(sql), width, height, fields, last)


def legend():
    return (build_common.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM).show_legend(True))


def dashboard(uid: str, title: str, about: str, since: str, refresh: str) -> build.Dashboard:
    """An empty one, with the variable for its data source and links to the others."""
    source = (build.DatasourceVariable("datasource").label("Data source").type(PLUGIN).regex("/^voice/")
              .current(model.VariableOption(selected=True, text="voice", value="voice")))
    links = (build.DashboardLink("Voice").type(model.DashboardLinkType.DASHBOARDS).tags(["voice_analytics"])
             .include_vars(True).keep_time(False).as_dropdown(False))
    return (build.Dashboard(title).uid(uid).description(about).tags(["voice_analytics"]).readonly().time(since, "now").refresh(refresh)
            .timezone("browser").tooltip(model.DashboardCursorSync.CROSSHAIR).with_variable(source).link(links))


def variable(name: str, label: str, sql: str, all_of: typing.Optional[str] = None) -> build.QueryVariable:
    """all_of: several may be chosen, or all, which is then this subquery instead of a list of them."""
    made = (build.QueryVariable(name).label(label).datasource(SOURCE).query(sql).refresh(model.VariableRefresh.ON_DASHBOARD_LOAD)
            .sort(model.VariableSort.DISABLED))
    if all_of is None:
        return made
    return (made.multi(True).include_all(True).all_value(all_of)
            .current(model.VariableOption(selected=True, text=["All"], value=["$__all"])))
