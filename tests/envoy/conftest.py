"""The fixtures of the tests with a real Envoy: Envoys, the servers behind them, and their clients.

    def test_a_denied_call_never_arrives(envoy, upstream):
        proxy = envoy({"version": "1", "default": "deny"})
        answer = rpc.call(proxy.url, "danger")
        assert answer["result"]["isError"] and upstream.heads == []

`envoy`, `upstream` and `approvals` live for one test; `module_envoy`, `module_upstream` and
`module_approvals` for the tests of one file, as `redis` and `ratelimits` do; the MCP servers and PostgreSQL for the
whole run (of one worker, with `pytest -n`). `service` starts the real approval service; `approvals` is a fake one. When a test fails,
its report contains the end of the log of every running Envoy and service.
"""

import uuid
from collections.abc import Iterator

import pytest

import places
from harness import servers
from harness.approvals import Approvals
from harness.attacks import Attacks, attacks
from harness.browser import Browser, executable
from harness.options import Options
from harness.postgres import Postgres, programs
from harness.proxy import Envoy, Refused
from harness.ratelimit import RateLimit
from harness.redis import Redis
from harness.service import ROLES, Service, sign_up
from launch import Server
from upstream import Upstream

LOG_TAIL = 60


class Envoys:
    """Starts Envoys and stops them all. Calling it starts one; see `harness.options` for its arguments."""

    running: list = []

    def __init__(self, folders: pytest.TempPathFactory, upstream: Upstream) -> None:
        self._folders = folders
        self._upstream = upstream
        self._started: list = []

    def __call__(self, policy: object = None, **options) -> Envoy:
        """Start an Envoy with a policy (None: without the filter) and wait until it serves.

        `folder` is where its files are, the only folder of this machine that it sees in a container.
        """
        folder = options.pop("folder", None) or self._folders.mktemp("envoy")
        if policy is not None and not places.MODULE.exists():
            pytest.fail(f"there is no module at {places.MODULE.relative_to(places.ROOT)}; make build")
        chosen = Options(policy=policy, **{"upstream": self._upstream, **options})
        started = Envoy(chosen, folder)
        self._started.append(started)
        Envoys.running.append(started)
        return started

    def refused(self, policy: object, **options) -> str:
        """Start an Envoy that must refuse to start; return its log."""
        try:
            started = self(policy, **options)
        except Refused as refused:
            return str(refused)
        pytest.fail(f"Envoy started, where it should have refused to:\n{started.log()[-2000:]}")

    def stop(self) -> None:
        for started in self._started:
            Envoys.running.remove(started)
            started.stop()


class Services:
    """Starts approval services and kills them all. Calling it starts one; see `harness.service`."""

    running: list = []

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._started: list = []

    def __call__(self, **options) -> Service:
        """Start a service and wait until it serves."""
        if not places.APPROVALS.exists():
            pytest.fail(f"there is no {places.APPROVALS.name}; cargo build -p mcp-approvals")
        started = Service(self._folders.mktemp("service"), **options)
        self._started.append(started)
        Services.running.append(started)
        return started

    def stop(self) -> None:
        for started in self._started:
            Services.running.remove(started)
            started.kill()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    report = yield
    if report.failed:
        for started in Envoys.running:
            tail = "\n".join(started.log_lines()[-LOG_TAIL:])
            report.sections.append((f"log of the Envoy on port {started.port}", tail))
        for started in Services.running:
            tail = "\n".join(started.log().splitlines()[-LOG_TAIL:])
            report.sections.append((f"log of the approval service on port {started.port}", tail))
    return report


def _upstream() -> Iterator[Upstream]:
    with Upstream() as started:
        yield started


def _envoys(folders: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Envoys]:
    started = Envoys(folders, upstream)
    yield started
    started.stop()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """An upstream that records what arrives."""
    yield from _upstream()


@pytest.fixture
def envoy(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Envoys]:
    """Starts Envoys in front of `upstream`."""
    yield from _envoys(tmp_path_factory, upstream)


@pytest.fixture(scope="module")
def module_upstream() -> Iterator[Upstream]:
    """An upstream for the tests of one file; call `clear()` if earlier requests matter."""
    yield from _upstream()


@pytest.fixture(scope="module")
def module_envoy(tmp_path_factory: pytest.TempPathFactory, module_upstream: Upstream) -> Iterator[Envoys]:
    """Starts Envoys in front of `module_upstream` that serve all the tests of one file."""
    yield from _envoys(tmp_path_factory, module_upstream)


@pytest.fixture
def approvals() -> Iterator[Approvals]:
    """A fake approval service that keeps the contract, or breaks it on demand."""
    with Approvals() as started:
        yield started


@pytest.fixture(scope="module")
def module_approvals() -> Iterator[Approvals]:
    """An approval service for the tests of one file; call `clear()` if earlier questions matter."""
    with Approvals() as started:
        yield started


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Starts approval services."""
    started = Services(tmp_path_factory)
    yield started
    started.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def pair(request: pytest.FixtureRequest, service: Services) -> tuple:
    """Two services on one database, which accept the same callers; and a shell token of anna."""
    database = ""
    if request.param == "postgres":
        database = request.getfixturevalue("postgres").database(f"pair_{uuid.uuid4().hex}")
    first = service(database=database, config=ROLES)
    second = service(database=first.database, config=ROLES)
    second.token = first.token
    return first, second, first.shell("anna")


@pytest.fixture(scope="module")
def module_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Starts approval services that serve all the tests of one file."""
    started = Services(tmp_path_factory)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def signed_in(module_service: Services) -> tuple:
    """A service, and HTTP clients in which anna and bert are signed in."""
    started = module_service()
    return started, sign_up(started.link, "anna"), sign_up(started.invite("bert"))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium.

    It lives for one file, because its driver occupies the event loop of this thread while it runs.
    """
    if executable() is None:
        pytest.skip("there is no Chromium: no package's, none on the PATH, none in MCP_POLICY_CHROMIUM")
    with Browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server that creates databases on demand."""
    if programs() is None:
        pytest.skip("there is no PostgreSQL: neither of a package nor in /usr/lib/postgresql")
    with Postgres() as started:
        yield started


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    """A Redis for the tests of one file."""
    with Redis() as started:
        yield started


@pytest.fixture(scope="module")
def ratelimits(tmp_path_factory: pytest.TempPathFactory, redis: Redis) -> Iterator:
    """Starts rate limit services on `redis`. Calling it starts one; see `harness.ratelimit`."""
    started = []

    def start(**options) -> RateLimit:
        started.append(RateLimit(tmp_path_factory.mktemp("ratelimit"), redis.url, **options))
        return started[-1]

    yield start
    for one in started:
        one.kill()


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An MCP server on `mcp` 2.3: old sessions and 2026-07-28 on one URL, SSE answers."""
    with servers.everything(tmp_path_factory.mktemp("everything")) as started:
        yield started


@pytest.fixture(scope="session")
def everything_json(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same server, answering with JSON."""
    with servers.everything(tmp_path_factory.mktemp("everything"), "--json") as started:
        yield started


@pytest.fixture(scope="session")
def aipaygen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """AiPayGen's own server with a stub of its backend."""
    with servers.aipaygen(tmp_path_factory.mktemp("aipaygen")) as started:
        yield started


@pytest.fixture(scope="session")
def both_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacks]:
    """Two servers that can be attacked: one behind an Envoy that allows everything, one behind the policies."""
    services = Services(tmp_path_factory)
    with Upstream() as nothing:
        envoys = Envoys(tmp_path_factory, nothing)
        try:
            with attacks(tmp_path_factory, envoys, services) as started:
                yield started
        finally:
            envoys.stop()
            services.stop()


@pytest.fixture
def attack(both_servers: Attacks) -> Attacks:
    """The same servers, to which nothing has happened yet."""
    both_servers.reset()
    return both_servers


@pytest.fixture
def no_secret_in_any_output():
    """Search all output of the filter and of Envoy for the secrets that were sent."""
    from harness.callers import answers, sent  # creates keys, which takes a while

    answers.clear()
    yield
    told = {"answers": "\n".join(answers)}
    for proxy in Envoys.running:
        told[f"log of {proxy.port}"] = proxy.log()
        told[f"stats of {proxy.port}"] = proxy.get("/stats")
        log = proxy.folder / "access.log"
        told[f"access log of {proxy.port}"] = log.read_text() if log.exists() else ""
    found = {place: text for place, text in told.items() if any(secret in text for secret in sent)}
    assert not found, sorted(found)
