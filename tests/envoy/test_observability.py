"""The alerts and the dashboard of envoy/observability, with a real Prometheus that scrapes real Envoys."""

import itertools
import json
import re
import runpy
import socket
import time

import pytest
import yaml
from test_metrics import LIST, METRICS, MOVES, PINNED, QUERIES, UNREADABLE

import places
from harness import crashing, examples, http1, load, rpc
from harness.approvals import ASKED, policy
from harness.prometheus import Prometheus, needs_prometheus, promtool
from harness.proxy import wait_for
from harness.records import answering_itself, call, manager_of, tagging
from upstream import Answer

FOLDER = places.ROOT / "envoy" / "observability"
RULES, TESTS, DASHBOARD = FOLDER / "rules.yaml", FOLDER / "rules.test.yaml", FOLDER / "dashboard.json"
OTEL = FOLDER / "otel.yaml"
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
PANELS = json.loads(DASHBOARD.read_text())["panels"]

# The dashboard's variables, as Grafana replaces them if nothing is selected.
VARIABLES = {"$server": ".*", "$grant": ".*", "$__rate_interval": "1m"}
# The names of metrics, without labels and without the regular expressions for the names of modules and filters.
NAME = re.compile(r"\b(?:mcp_policy|envoy)_(?!wasm|extension)\w+\b(?! ?[!=])")


def queries() -> dict:
    """Return the queries of the dashboard, with values for its variables, by the panel's title."""
    found = {}
    for panel in PANELS:
        for target in panel["targets"]:
            expr = target["expr"]
            for variable, value in VARIABLES.items():
                expr = expr.replace(variable, value)
            assert "$" not in expr
            found[f"{panel['title']} {target['refId']}"] = expr
    return found


@needs_prometheus
def test_prometheus_accepts_the_configuration():
    promtool("check", "config", FOLDER / "prometheus.yaml")


@needs_prometheus
def test_prometheus_accepts_the_configuration_for_kubernetes(tmp_path):
    tree = yaml.safe_load((FOLDER / "prometheus-kubernetes.yaml").read_text())
    [scraped] = tree["scrape_configs"]
    # Debian builds Prometheus without the discovery of Kubernetes.
    assert scraped.pop("kubernetes_sd_configs") == [{"role": "pod"}]
    scraped["static_configs"] = [{"targets": ["127.0.0.1:15090"]}]
    tree["rule_files"] = [str(FOLDER / name) for name in tree["rule_files"]]
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(tree))
    promtool("check", "config", tmp_path / "prometheus.yaml")


def test_the_configuration_for_kubernetes_keeps_every_metric_of_the_alerts_and_the_dashboard():
    [scraped] = yaml.safe_load((FOLDER / "prometheus-kubernetes.yaml").read_text())["scrape_configs"]
    [kept] = scraped["metric_relabel_configs"]
    texts = RULES.read_text() + DASHBOARD.read_text()
    used = set(re.findall(r"\b(?:mcp_policy|envoy_(?:http|listener|access))_[a-z_]*[a-z]\b", texts))
    assert len(used) > 10
    assert {name for name in used if not re.fullmatch(kept["regex"], name)} <= {
        "envoy_http_conn_manager_prefix"
    }


def test_the_compose_file_mounts_files_that_exist_and_the_dashboard_where_grafana_looks():
    services = yaml.safe_load((FOLDER / "docker-compose.yaml").read_text())["services"]
    mounts = {}
    for service in services.values():
        for volume in service["volumes"]:
            source, target, mode = volume.split(":")
            assert (FOLDER / source).exists() and mode == "ro", volume
            mounts[target] = (FOLDER / source).resolve()
    [provider] = yaml.safe_load((FOLDER / "grafana" / "dashboards.yaml").read_text())["providers"]
    assert mounts[provider["options"]["path"] + "/dashboard.json"] == DASHBOARD
    [source] = yaml.safe_load((FOLDER / "grafana" / "datasources.yaml").read_text())["datasources"]
    assert source["type"] == "prometheus" and source["isDefault"]
    listening = [word for word in services["prometheus"]["command"] if "listen-address" in word]
    assert listening == ["--web.listen-address=" + source["url"].removeprefix("http://")]


@needs_prometheus
def test_each_alert_fires_when_it_should_and_not_otherwise():
    promtool("check", "rules", RULES)
    promtool("test", "rules", TESTS)


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not():
    cases = [case for test in yaml.safe_load(TESTS.read_text())["tests"] for case in test["alert_rule_test"]]
    names = {alert["alert"] for alert in ALERTS}
    for fires in (True, False):
        assert {case["alertname"] for case in cases if bool(case["exp_alerts"]) == fires} == names


def test_the_readme_explains_each_alert():
    text = (FOLDER / "README.md").read_text()
    told = re.findall(r"^\| `(Mcp\w+)` \| (\w+) \|", text, re.MULTILINE)
    assert told == [(alert["alert"], alert["labels"]["severity"]) for alert in ALERTS]
    for alert in ALERTS:
        assert alert["labels"]["severity"] in ("warning", "critical")
        assert set(alert["annotations"]) == {"summary", "description"}


def test_the_dashboard_is_what_its_script_writes():
    assert runpy.run_path(str(FOLDER / "dashboard.py"))["written"]() == DASHBOARD.read_text()
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)


def test_every_metric_of_the_filter_is_on_the_dashboard():
    text = DASHBOARD.read_text()
    assert {name for name, _ in QUERIES if f"mcp_policy_{name}" not in text} == set()


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def crashes(folder) -> object:
    """Return an edit that replaces the module by one that crashes."""
    path = folder / "crashing.wasm"
    path.write_bytes(crashing.module())

    def edit(listener: dict) -> None:
        config = manager_of(listener)["http_filters"][0]["typed_config"]["config"]
        config["vm_config"]["code"]["local"]["filename"] = str(path)

    return edit


@pytest.fixture
def busy(envoy, upstream, approvals, tmp_path):
    """Start Envoys in which everything happens that a metric counts; return them, and what makes it happen."""
    limit = {"limits": [{"counter": "few", "window": "hour", "max": 1000}]}
    asked = policy({"wipe": ASKED, "few": limit}, server="asked")
    main = envoy(METRICS, workers=2, edit=tagging, xds="ecds")
    asking = envoy(asked, workers=1, edit=tagging, xds="lds", approvals=approvals, upstream=closed_port())
    folder = tmp_path / "crashing"
    folder.mkdir()
    crashing_one = envoy(
        {"version": "1"}, workers=1, edit=tagging, edit_listener=crashes(folder), folder=folder
    )
    edit = examples.edit_to(OTEL.read_text(), "main", {8000: upstream.port, 4317: closed_port()}, {})
    unheard = envoy(workers=1, edit=edit)
    contended = envoy(
        {**METRICS, "server": "contended"},
        workers=4,
        edit=tagging,
        access_log=True,
        edit_listener=answering_itself,
    )

    def overtake() -> None:
        with load.Crowd(contended.port, 400) as crowd:

            def overtaken() -> bool:
                crowd.call([rpc.tools_call("busy")] * 400)
                return "mcp_policy_counters_retries{" in contended.get("/stats/prometheus")

            wait_for(overtaken, "one write overtaken by another", 60)

    def everything(round_: int) -> None:
        for pieces, _ in MOVES.values():
            http1.exchange(main.port, pieces)
        for upstream.answer in (UNREADABLE, PINNED):
            http1.exchange(main.port, LIST)
        upstream.answer = None
        # Envoy does not check again what it has already refused.
        assert not main.update({"version": "2", "description": str(round_)})
        assert not asking.update({"version": "2", "description": str(round_)})
        approvals.answer = None if round_ % 2 else Answer(500)
        for tool in ("wipe", "few"):
            http1.exchange(asking.port, call(tool))
        for proxy in (crashing_one, unheard):
            http1.exchange(proxy.port, call("any"))

    overtake()
    return [main, asking, crashing_one, unheard, contended], everything


@needs_prometheus
def test_every_query_has_an_answer_and_every_alert_sees_what_it_is_about(busy, tmp_path):
    proxies, everything = busy
    named = {name for text in (RULES.read_text(), DASHBOARD.read_text()) for name in NAME.findall(text)}
    expected = {f"the metric {name}": f"count({name})" for name in named}
    expected |= {f"the panel {title}": expr for title, expr in queries().items()}
    expected |= {f"the page on {name}": query for name, query in QUERIES}
    raised = [alert["alert"] for alert in ALERTS if alert["alert"] != "McpFilterMissing"]
    expected |= {f"the alert {name}": f'ALERTS{{alertname="{name}"}}' for name in raised}
    with Prometheus(proxies, tmp_path, RULES) as prometheus:
        # A change is visible only between two scrapes.
        prometheus.wait("count(mcp_policy_build_info) == 4")
        until = time.monotonic() + 120
        for round_ in itertools.count():
            everything(round_)
            expected = {what: query for what, query in expected.items() if not prometheus.ask(query)}
            if not expected or time.monotonic() > until:
                break
        assert expected == {}
        assert prometheus.ask('ALERTS{alertname="McpFilterMissing"}') == []
