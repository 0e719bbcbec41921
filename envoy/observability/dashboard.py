#!/usr/bin/env python3
"""Writes dashboard.json, the Grafana dashboard: `python3 envoy/observability/dashboard.py`.

Edit the panels here, not in the JSON. A test checks that the JSON is what this file writes, and that every query has an
answer from a real Prometheus.
"""

import json
from pathlib import Path

SOURCE = {"type": "prometheus", "uid": "${datasource}"}

# What every query about the filter selects: the variables of the dashboard, and policies in force.
SERVER = 'mcp_server=~"$server"'
GRANT = f'{SERVER}, mcp_grant=~"$grant"'
IN_FORCE = 'mcp_mode!="shadow"'
DENIED = 'mcp_decision="deny"'

WIDTH, HEIGHT = 12, 8


def series(title: str, about: str, *queries: tuple, unit: str = "reqps") -> dict:
    """Build a panel of lines; a query is an expression with its legend."""
    return panel("timeseries", title, about, queries, unit)


def panel(kind: str, title: str, about: str, queries: tuple, unit: str, **defaults: object) -> dict:
    targets = [
        {"refId": chr(ord("A") + n), "datasource": SOURCE, "expr": expr, "legendFormat": legend}
        for n, (expr, legend) in enumerate(queries)
    ]
    if kind in ("stat", "bargauge"):
        for target in targets:
            target["instant"] = True
    return {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0, **defaults}, "overrides": []},
        "targets": targets,
    }


def rate(metric: str, labels: str, by: str = "") -> str:
    grouped = f" by ({by})" if by else ""
    return f"sum{grouped} (rate({metric}{{{labels}}}[$__rate_interval]))"


NEAR = {
    "mode": "absolute",
    "steps": [
        {"color": "green", "value": None},
        {"color": "orange", "value": 80},
        {"color": "red", "value": 90},
    ],
}

PANELS = [
    series(
        "Requests by decision",
        "All requests that the policies in force judged.",
        (rate("mcp_policy_decisions", f"{GRANT}, {IN_FORCE}", "mcp_decision"), "{{mcp_decision}}"),
    ),
    series(
        "Refusals by code",
        "Why requests were refused. The README of mcp-policy-filter explains the codes.",
        (rate("mcp_policy_decisions", f"{GRANT}, {DENIED}, {IN_FORCE}", "mcp_code"), "{{mcp_code}}"),
    ),
    series(
        "Refusals by grant",
        "Whose requests were refused. The grant is `none` if no grant applies to the caller.",
        (
            rate("mcp_policy_decisions", f"{GRANT}, {DENIED}, {IN_FORCE}", "mcp_server, mcp_grant"),
            "{{mcp_server}} {{mcp_grant}}",
        ),
    ),
    series(
        "What shadow mode would refuse",
        "Requests that passed only because a policy or a rule is in shadow mode.",
        (
            rate("mcp_policy_decisions", f'{GRANT}, mcp_decision="would_deny"', "mcp_server, mcp_code"),
            "{{mcp_server}} {{mcp_code}}",
        ),
    ),
    panel(
        "bargauge",
        "Limits by use",
        "How much of each limit of a grant was used at its last call.",
        (
            (
                f"max by (mcp_server, mcp_grant, mcp_counter) (mcp_policy_limit_used_ratio{{{GRANT}, {IN_FORCE}}})",
                "{{mcp_server}} {{mcp_grant}} {{mcp_counter}}",
            ),
        ),
        "percent",
        max=100,
        thresholds=NEAR,
    ),
    series(
        "Approvals",
        "Questions to the approval service and their outcomes. With `unavailable`, calls are refused.",
        (rate("mcp_policy_approvals_asked", f"{SERVER}, {IN_FORCE}"), "asked"),
        (rate("mcp_policy_approvals", f"{SERVER}, {IN_FORCE}", "mcp_outcome"), "{{mcp_outcome}}"),
    ),
    series(
        "Shared limits",
        "Questions to the rate limit service and their outcomes. With another one than `ok` and `over_limit`, calls are "
        "refused, or counted by one proxy alone.",
        (rate("mcp_policy_shared_limits_asked", f"{SERVER}, {IN_FORCE}"), "asked"),
        (rate("mcp_policy_shared_limits", f"{SERVER}, {IN_FORCE}", "mcp_outcome"), "{{mcp_outcome}}"),
        (rate("mcp_policy_shared_limits_local", f"{SERVER}, {IN_FORCE}"), "counted alone"),
    ),
    series(
        "Refusals by the strict reader",
        "Bodies that are not a message, can be read in two ways, or take too much work to judge, by cause.",
        (rate("mcp_policy_strict_refusals", f"{SERVER}, {IN_FORCE}", "mcp_cause"), "{{mcp_cause}}"),
    ),
    series(
        "Lists in answers",
        "Elements that the policy removed from lists, elements and lists that could not be read and were not shown, and "
        "lists that show a tool with another definition than its rule has.",
        (rate("mcp_policy_lists_removed", f"{SERVER}, {IN_FORCE}"), "removed"),
        (
            rate("mcp_policy_lists_unreadable", f"{SERVER}, {IN_FORCE}", "mcp_cause"),
            "unreadable: {{mcp_cause}}",
        ),
        (
            rate("mcp_policy_definitions_changed", f"{SERVER}, {IN_FORCE}", "mcp_tool"),
            "changed: {{mcp_tool}}",
        ),
        unit="cps",
    ),
    series(
        "Counters",
        "Writes that were repeated because another worker wrote first, charges that were given back, and calls that were "
        "refused because they could not be counted.",
        (rate("mcp_policy_counters_retries", SERVER), "retries"),
        (rate("mcp_policy_counters_given_back", SERVER), "given back"),
        (rate("mcp_policy_counters_unavailable", SERVER, "mcp_why"), "unavailable: {{mcp_why}}"),
        unit="cps",
    ),
    panel(
        "stat",
        "Capacity of the table of counters",
        "The smallest `counters.capacity` in effect.",
        ((f"min by (mcp_server) (mcp_policy_counters_capacity{{{SERVER}}})", "{{mcp_server}}"),),
        "none",
    ),
    series(
        "Latency, with the server",
        "How long Envoy took for whole requests, the time of the server and of event streams included.",
        *(
            (
                f'histogram_quantile({share}, sum by (le) (rate(envoy_http_downstream_rq_time_bucket{{envoy_http_conn_manager_prefix!="admin"}}[$__rate_interval])))',
                name,
            )
            for share, name in ((0.5, "half of the requests"), (0.99, "99 %"))
        ),
        unit="ms",
    ),
    series(
        "The module: crashes",
        "Restarts of the module after a crash, and requests that were refused before it was restarted.",
        (
            'sum by (__name__) ({__name__=~"envoy_wasm_(.*_)?mcp_policy.*_vm_reload_(success|failure|backoff)"})',
            "{{__name__}}",
        ),
        unit="none",
    ),
    panel(
        "stat",
        "The module: versions",
        "How many Envoys and policies run each version of the module.",
        ((f"count by (mcp_version) (mcp_policy_build_info{{{SERVER}}})", "{{mcp_version}}"),),
        "none",
    ),
    panel(
        "stat",
        "Policies taken and refused",
        "Since the Envoys started. A policy that takes effect counts once or twice per Envoy thread.",
        (
            (f"sum by (mcp_server) (mcp_policy_configuration_accepted{{{SERVER}}})", "{{mcp_server}} taken"),
            (
                'sum by (mcp_server) (mcp_policy_configuration_refused{mcp_server=~"$server|unknown"})',
                "{{mcp_server}} refused",
            ),
        ),
        "none",
        decimals=0,
    ),
]


def choice(name: str, label: str, query: str) -> dict:
    """Build a variable whose values are those of a label; at first, all of them."""
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def dashboard() -> dict:
    placed = [
        {"id": n + 1, **panel, "gridPos": {"x": n % 2 * WIDTH, "y": n // 2 * HEIGHT, "w": WIDTH, "h": HEIGHT}}
        for n, panel in enumerate(PANELS)
    ]
    source = {"type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus"}
    return {
        "uid": "mcp-policy",
        "title": "MCP policy",
        "description": "What the policies on MCP tool calls allow and refuse, and how the filter does.",
        "tags": ["mcp", "envoy"],
        "schemaVersion": 39,
        "editable": True,
        "timezone": "browser",
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "30s",
        "templating": {
            "list": [
                source,
                choice("server", "Server", "label_values(mcp_policy_build_info, mcp_server)"),
                choice("grant", "Grant", f"label_values(mcp_policy_decisions{{{SERVER}}}, mcp_grant)"),
            ]
        },
        "panels": placed,
    }


def written() -> str:
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("dashboard.json").write_text(written())
