"""Prints the Grafana dashboard of hotset: python3 dashboard.py >dashboard.json

The list ROWS at the end is the dashboard; what is above it says the same for every panel.
"""

import json

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
DAEMON = 'instance=~"$instance"'
PROFILE = f'{DAEMON},profile=~"$profile"'
ENDPOINT = f'{DAEMON},endpoint=~"$endpoint"'
# The width of the grid.
WIDTH = 24


def query(expr, legend="", instant=False):
    kind = {"instant": True, "format": "table"} if instant else {"range": True}
    return {"datasource": SOURCE, "editorMode": "code", "expr": expr, "legendFormat": legend, **kind}


def panel(kind, title, unit, description, queries, *, width, height, options, custom=None, defaults=None, **more):
    targets = [{**each, "refId": chr(ord("A") + n)} for n, each in enumerate(queries)]
    chosen = {name: value for name, value in (defaults or {}).items() if value is not None}
    fields = {"unit": unit, **chosen, "custom": custom or {}}
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": SOURCE,
        "gridPos": {"w": width, "h": height, "x": 0, "y": 0},
        "targets": targets,
        "options": options,
        "fieldConfig": {"defaults": fields, "overrides": more.pop("overrides", [])},
        **more,
    }


def steps(*pairs):
    """Colours from a value on; the first holds for all below."""
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for color, value in pairs]}


def words(**told):
    """Words, with a colour, in place of numbers: `_0=("no", "red")`."""
    options = {number[1:]: {"text": text, "color": color} for number, (text, color) in told.items()}
    return [{"type": "value", "options": options}]


def stat(title, unit, description, expr, **defaults):
    options = {
        "colorMode": "background",
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        "showPercentChange": False,
        "textMode": "value",
        "wideLayout": True,
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    defaults = {"color": {"mode": "thresholds"}, **defaults}
    return panel("stat", title, unit, description, [query(expr)], width=3, height=4, options=options, defaults=defaults)


def graph(title, unit, description, *queries, style="line", stacked=False, width=8, **defaults):
    options = {
        "legend": {"calcs": ["lastNotNull", "max"], "displayMode": "table", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    custom = {
        "drawStyle": style,
        "lineWidth": 1,
        "fillOpacity": 60 if style == "bars" else 10,
        "showPoints": "auto",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
        "thresholdsStyle": {"mode": "line" if "thresholds" in defaults else "off"},
    }
    defaults = {"min": 0, "color": {"mode": "palette-classic"}, **defaults}
    more = {"interval": "5m"} if style == "bars" else {}
    made = {"width": width, "height": 8, "options": options, "custom": custom, "defaults": defaults}
    return panel("timeseries", title, unit, description, queries, **made, **more)


def timeline(title, description, mappings, *queries, width=8):
    options = {
        "alignValue": "left",
        "mergeValues": True,
        "rowHeight": 0.8,
        "showValue": "auto",
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    made = {"width": width, "height": 8, "options": options, "custom": {"fillOpacity": 70, "lineWidth": 0}}
    defaults = {"mappings": mappings, "color": {"mode": "thresholds"}, "thresholds": steps(("text", None))}
    return panel("state-timeline", title, "none", description, queries, **made, defaults=defaults)


def table(title, description, columns):
    """One row a profile: a column is its heading, its query by profile, its unit and what else its fields have. The first
    one shows the label that is its heading; the others show values."""
    label = columns[0][0]
    renamed = {f"Value #{chr(ord('A') + n)}": heading for n, (heading, *_) in enumerate(columns) if n}
    overrides = [
        {
            "matcher": {"id": "byName", "options": heading},
            "properties": [{"id": "unit", "value": unit}, *({"id": id, "value": value} for id, value in more.items())],
        }
        for heading, _, unit, more in columns
    ]
    return panel(
        "table",
        title,
        "none",
        description,
        [query(expr, instant=True) for _, expr, *_ in columns],
        width=WIDTH,
        height=9,
        options={"cellHeight": "sm", "frameIndex": 0, "showHeader": True, "sortBy": [{"displayName": label, "desc": True}]},
        custom={"align": "auto", "filterable": True},
        overrides=overrides,
        transformations=[
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {"excludeByName": {"Time": True, "Value #A": True}, "renameByName": renamed}},
        ],
    )


def laid_out(rows):
    """Panels with ids and places: from left to right, a heading above each row."""
    panels, y = [], 0
    for heading, members in rows:
        head = {"type": "row", "title": heading, "collapsed": False, "panels": []}
        panels.append({**head, "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1}})
        x, y, high = 0, y + 1, 0
        for each in members:
            place = each["gridPos"]
            if x + place["w"] > WIDTH:
                x, y, high = 0, y + high, 0
            panels.append({**each, "gridPos": {**place, "x": x, "y": y}})
            x, high = x + place["w"], max(high, place["h"])
        y += high
    return [{"id": n, **each} for n, each in enumerate(panels, 1)]


def choice(name, label, series):
    found = f"label_values({series}, {name})"
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": SOURCE,
        "definition": found,
        "query": {"query": found, "qryType": 1, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def dashboard(rows):
    source = {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "current": {"text": "default", "value": "default"}}
    expr = 'ALERTS{alertname=~"Hotset.+",alertstate="firing",severity!="info"}'
    firing = {
        "name": "Alerts",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": "red",
        "target": {"expr": expr, "interval": "60s", "refId": "Anno"},
        "titleFormat": "{{alertname}}",
        "textFormat": "{{profile}}",
    }
    return {
        "uid": "hotset",
        "title": "hotset",
        "description": "What is kept hot, whether it is, and how hard the cache is driven. docs/metrics.md explains the figures.",
        "tags": ["hotset"],
        "schemaVersion": 42,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "links": [],
        "templating": {
            "list": [
                source,
                choice("instance", "Daemon", "hotset_build_info"),
                choice("profile", "Profile", f"hotset_profile_paused{{{DAEMON}}}"),
                choice("endpoint", "Endpoint", f"hotset_endpoint_limit{{{DAEMON}}}"),
            ]
        },
        "annotations": {"list": [firing]},
        "panels": laid_out(rows),
    }


OK_FROM_1 = steps(("red", None), ("green", 1))
BAD_FROM_1 = steps(("green", None), ("red", 1))
NEUTRAL = steps(("blue", None))

NOW = [
    stat(
        "Daemons",
        "none",
        "Daemons that answer, of those chosen above.",
        f"count(hotset_build_info{{{DAEMON}}}) or vector(0)",
        thresholds=OK_FROM_1,
    ),
    stat(
        "Configuration",
        "none",
        "Whether the files were taken at the last reload. If not, the configuration before them is in force: hotset status.",
        f"min(hotset_config_last_reload_successful{{{DAEMON}}})",
        thresholds=OK_FROM_1,
        mappings=words(_0=("bad files", "red"), _1=("in force", "green")),
    ),
    stat(
        "In force since",
        "dateTimeFromNow",
        "When the configuration in force was taken; of several daemons the oldest.",
        f"1000 * min(hotset_config_last_reload_success_timestamp_seconds{{{DAEMON}}})",
        thresholds=NEUTRAL,
    ),
    stat(
        "Last good one",
        "none",
        "Whether the configuration comes from the journal, because the files were bad when the daemon started.",
        f"max(hotset_config_last_good_in_force{{{DAEMON}}})",
        thresholds=BAD_FROM_1,
        mappings=words(_0=("no", "green"), _1=("in force", "red")),
    ),
    stat(
        "Journal",
        "none",
        "Whether the journal can be written. If not, what is warmed is kept in memory only.",
        f"min(hotset_journal_writable{{{DAEMON}}})",
        thresholds=OK_FROM_1,
        mappings=words(_0=("not writable", "red"), _1=("writable", "green")),
    ),
    stat(
        "Silent caches",
        "none",
        "Endpoints that serve nothing, and are only probed.",
        f"sum(hotset_endpoint_circuit_open{{{ENDPOINT}}})",
        thresholds=BAD_FROM_1,
    ),
    stat(
        "Not complete",
        "none",
        "Profiles that are not paused, whose latest run ended partial, refused or failed.",
        f'count(max without (outcome) (hotset_profile_last_run_outcome{{{PROFILE},outcome=~"partial|refused|failed"}}) == 1'
        f" unless hotset_profile_paused{{{PROFILE}}} == 1) or vector(0)",
        thresholds=BAD_FROM_1,
    ),
    stat(
        "Runs in progress",
        "none",
        "Runs that go on now.",
        f"sum(hotset_runs_running{{{PROFILE}}})",
        thresholds=NEUTRAL,
    ),
]

COLUMNS = [
    ("outcome", f"max by (profile, outcome) (hotset_profile_last_run_outcome{{{PROFILE}}} == 1)", "none", {}),
    ("warm", f"min by (profile) (hotset_profile_warm_ratio{{{PROFILE}}})", "percentunit", {}),
    ("complete", f"1000 * max by (profile) (hotset_profile_last_complete_end_timestamp_seconds{{{PROFILE}}})", "dateTimeFromNow", {}),
    ("last fire", f"1000 * max by (profile) (hotset_profile_last_due_timestamp_seconds{{{PROFILE}}})", "dateTimeFromNow", {}),
    ("next fire", f"1000 * max by (profile) (hotset_profile_next_due_timestamp_seconds{{{PROFILE}}})", "dateTimeFromNow", {}),
    ("took", f"max by (profile) (hotset_profile_last_run_duration_seconds{{{PROFILE}}})", "s", {}),
    ("over cap", f"max by (profile) (hotset_profile_over_cap_bytes{{{PROFILE}}})", "bytes", {}),
    ("cap", f"max by (profile) (hotset_profile_max_bytes{{{PROFILE}}})", "bytes", {}),
    (
        "paused",
        f"max by (profile) (hotset_profile_paused{{{PROFILE}}})",
        "none",
        {"mappings": words(_0=("", "text"), _1=("paused", "orange"))},
    ),
]

PROFILES = [
    table(
        "Profiles",
        "How the latest run of each profile ended, and when it was last complete under its present configuration.",
        COLUMNS,
    ),
    graph(
        "Warm ratio",
        "percentunit",
        "What the latest run found or made warm of what the profile wants; what max_bytes cuts off counts as wanted, unless on_excess is trim.",
        query(f"hotset_profile_warm_ratio{{{PROFILE}}}", "{{profile}}"),
        max=1,
    ),
    graph(
        "Age of the last complete fire",
        "s",
        "How long ago the latest fire was due whose run ended complete.",
        query(f"time() - hotset_profile_last_complete_due_timestamp_seconds{{{PROFILE}}}", "{{profile}}"),
    ),
    graph(
        "Behind",
        "s",
        "From the latest complete fire to the latest fire. It is above zero while a run goes on, too.",
        query(
            f"hotset_profile_last_due_timestamp_seconds{{{PROFILE}}}"
            f" - hotset_profile_last_complete_due_timestamp_seconds{{{PROFILE}}}",
            "{{profile}}",
        ),
    ),
    graph(
        "Runs by outcome",
        "none",
        "Ends of runs within each interval. A run that is interrupted and taken up again ends more than once.",
        query(f"sum by (outcome) (increase(hotset_runs_total{{{PROFILE}}}[$__rate_interval]))", "{{outcome}}"),
        style="bars",
        stacked=True,
    ),
    graph(
        "Fires without a run",
        "none",
        "Fires that passed without a run: skipped because the one before was still running, or missed while no daemon was there.",
        query(f"increase(hotset_profile_missed_fires_total{{{PROFILE}}}[$__rate_interval])", "{{profile}}"),
        style="bars",
        stacked=True,
    ),
    graph(
        "Duration of the latest run",
        "s",
        "From its first start to its end, interruptions included.",
        query(f"hotset_profile_last_run_duration_seconds{{{PROFILE}}}", "{{profile}}"),
    ),
    graph(
        "Over the cap",
        "bytes",
        "What a cap cut off in the latest run. It stays cold.",
        query(f"hotset_profile_over_cap_bytes{{{PROFILE}}}", "{{profile}}"),
    ),
    timeline(
        "Paused",
        "When each profile was paused, by hand or in the configuration.",
        words(_0=("runs", "green"), _1=("paused", "orange")),
        query(f"hotset_profile_paused{{{PROFILE}}}", "{{profile}}"),
    ),
    timeline(
        "Outcome of the latest run",
        "One line for each outcome that a profile's latest run had.",
        words(_1=("so", "blue")),
        query(f"hotset_profile_last_run_outcome{{{PROFILE}}} == 1", "{{profile}} {{outcome}}"),
    ),
]

RUNS = [
    graph(
        "Progress",
        "percentunit",
        "How much of the bytes that the run in progress has to warm has ended, warm or not. Nothing while no run goes on.",
        query(f"hotset_run_ended_bytes{{{PROFILE}}} / hotset_run_planned_bytes{{{PROFILE}}}", "{{profile}}"),
        max=1,
    ),
    graph(
        "Bytes planned and ended",
        "bytes",
        "Of the run in progress: what it has to warm, and what of it has ended.",
        query(f"hotset_run_planned_bytes{{{PROFILE}}}", "{{profile}} planned"),
        query(f"hotset_run_ended_bytes{{{PROFILE}}}", "{{profile}} ended"),
    ),
    graph(
        "Objects planned and ended",
        "none",
        "Of the run in progress: what it has to warm, and what of it has ended.",
        query(f"hotset_run_planned_objects{{{PROFILE}}}", "{{profile}} planned"),
        query(f"hotset_run_ended_objects{{{PROFILE}}}", "{{profile}} ended"),
    ),
]

ENDPOINTS = [
    graph(
        "In flight and limit",
        "none",
        "Requests in flight, what the adaptive limit allows, and what the configuration allows.",
        query(f"hotset_endpoint_in_flight{{{ENDPOINT}}}", "{{endpoint}} in flight"),
        query(f"hotset_endpoint_limit{{{ENDPOINT}}}", "{{endpoint}} limit"),
        query(f"hotset_endpoint_max_in_flight{{{ENDPOINT}}}", "{{endpoint}} max_in_flight"),
    ),
    graph(
        "Bytes in flight",
        "bytes",
        "The sizes of the objects whose requests are in flight.",
        query(f"hotset_endpoint_in_flight_bytes{{{ENDPOINT}}}", "{{endpoint}}"),
    ),
    timeline(
        "What holds it",
        "Why no more requests were in flight: hotset's manual explains the words under Operations.",
        words(_1=("so", "blue")),
        query(f"hotset_endpoint_held_by{{{ENDPOINT}}} == 1", "{{endpoint}} {{reason}}"),
    ),
    graph(
        "Warmed",
        "Bps",
        "Bytes of the objects that were warmed, a second. None of them reach the daemon.",
        query(f"rate(hotset_endpoint_warmed_bytes_total{{{ENDPOINT}}}[$__rate_interval])", "{{endpoint}}"),
    ),
    graph(
        "Objects by end",
        "ops",
        "Objects that ended, a second: warmed, gone since the listing, failed, or unknown because no answer came.",
        query(f"rate(hotset_endpoint_objects_total{{{ENDPOINT}}}[$__rate_interval])", "{{endpoint}} {{end}}"),
    ),
    graph(
        "Requests and throttles",
        "reqps",
        "Requests to the cache that ended, and those of them that were answered with 429 or 503, a second.",
        query(f"rate(hotset_endpoint_requests_total{{{ENDPOINT}}}[$__rate_interval])", "{{endpoint}} requests"),
        query(f"rate(hotset_endpoint_throttled_total{{{ENDPOINT}}}[$__rate_interval])", "{{endpoint}} throttled"),
    ),
    timeline(
        "Trouble",
        "When the endpoint served nothing, and when retries waited because too many requests failed.",
        words(_0=("", "transparent"), _1=("yes", "red")),
        query(f"hotset_endpoint_circuit_open{{{ENDPOINT}}}", "{{endpoint}} silent"),
        query(f"hotset_endpoint_retries_wait{{{ENDPOINT}}}", "{{endpoint}} retries wait"),
    ),
    graph(
        "Caps and capacity",
        "bytes",
        "The sum of the caps of the unpaused profiles, and what the cache holds, where that is configured.",
        query(f"hotset_endpoint_committed_bytes{{{ENDPOINT}}}", "{{endpoint}} caps"),
        query(f"hotset_endpoint_capacity_bytes{{{ENDPOINT}}}", "{{endpoint}} capacity"),
    ),
    graph(
        "Credentials end in",
        "s",
        "Temporary credentials only, of those used last. They are renewed when requests need them: below zero means idle.",
        query(f"hotset_credentials_expiry_timestamp_seconds{{{ENDPOINT}}} - time()", "{{endpoint}}"),
        min=None,
    ),
]

PROCESS = [
    graph(
        "Time since the start",
        "s",
        "How long the daemon has been up, by version.",
        query(
            f"(time() - process_start_time_seconds{{{DAEMON}}}) * on (job, instance) group_right () hotset_build_info{{{DAEMON}}}",
            "{{instance}} {{version}}",
        ),
    ),
    graph(
        "Reloads",
        "none",
        "Reloads of the configuration within each interval, by outcome.",
        query(f"sum by (outcome) (increase(hotset_config_reloads_total{{{DAEMON}}}[$__rate_interval]))", "{{outcome}}"),
        style="bars",
        stacked=True,
    ),
    graph(
        "Size of the journal",
        "bytes",
        "The journal on disk, its write-ahead log included.",
        query(f"hotset_journal_size_bytes{{{DAEMON}}}", "{{instance}}"),
    ),
    graph(
        "Memory",
        "bytes",
        "What the process holds in memory.",
        query(f"process_resident_memory_bytes{{{DAEMON}}}", "{{instance}}"),
    ),
    graph(
        "CPU",
        "none",
        "Cores that the process takes.",
        query(f"rate(process_cpu_seconds_total{{{DAEMON}}}[$__rate_interval])", "{{instance}}"),
    ),
    graph(
        "Open files",
        "none",
        "File descriptors: each connection takes one.",
        query(f"process_open_fds{{{DAEMON}}}", "{{instance}}"),
        query(f"process_max_fds{{{DAEMON}}}", "{{instance}} at most"),
    ),
]

ROWS = [
    ("Now", NOW),
    ("Profiles", PROFILES),
    ("Runs in progress", RUNS),
    ("Endpoints", ENDPOINTS),
    ("Daemon", PROCESS),
]

if __name__ == "__main__":
    print(json.dumps(dashboard(ROWS), indent=2))
