"""The manifests of the rate limit service for Kubernetes: valid, unprivileged, and with a Redis that starts as in its pod."""

import os
import re
import signal
import socket
import subprocess

import pytest
import yaml

import places
from harness.kustomized import Base
from harness.mesh.cluster import Shell, commands
from harness.proxy import wait_for
from harness.redis import needs_redis

BASE = Base(places.ROOT / "envoy" / "fleet" / "kubernetes")
PROGRAMS = {"ratelimit": "Deployment", "redis": "StatefulSet"}
SECRET = {"name": "mcp-ratelimit-redis", "key": "password"}


def pod(name: str) -> dict:
    return BASE.one(PROGRAMS[name], name)["spec"]["template"]["spec"]


def container(name: str) -> dict:
    [found] = pod(name)["containers"]
    return found


def test_kustomize_finds_every_file_and_replaces_every_name():
    BASE.check_complete(*map(pod, PROGRAMS))


@pytest.mark.parametrize("name", BASE.kustomization["resources"])
def test_kubernetes_accepts_the_manifests_and_no_others(name, tmp_path):
    BASE.check_valid(name, tmp_path)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_pods_have_no_rights_and_no_secret_in_clear(name):
    BASE.check_rights(pod(name))
    read = [one["valueFrom"] for one in container(name)["env"] if "valueFrom" in one]
    assert read == [{"secretKeyRef": SECRET}]


@pytest.mark.parametrize("name", PROGRAMS)
def test_everything_selects_the_pods(name):
    labels = BASE.one(PROGRAMS[name], name)["spec"]["template"]["metadata"]["labels"]
    selectors = [
        BASE.one("Service", name)["spec"]["selector"],
        BASE.one("NetworkPolicy", name)["spec"]["podSelector"]["matchLabels"],
        BASE.one(PROGRAMS[name], name)["spec"]["selector"]["matchLabels"],
    ]
    assert selectors == [labels] * 3
    ports = {port["name"] for port in container(name)["ports"]}
    [offered] = BASE.one("Service", name)["spec"]["ports"]
    [allowed] = BASE.one("NetworkPolicy", name)["spec"]["ingress"][0]["ports"]
    assert offered["targetPort"] == allowed["port"] and offered["targetPort"] in ports


def test_the_service_asks_the_redis_that_the_network_lets_it_reach():
    variables = {one["name"]: one.get("value") for one in container("ratelimit")["env"]}
    [port] = BASE.one("Service", "redis")["spec"]["ports"]
    assert variables["REDIS_URL"] == f"redis:{port['port']}"
    assert BASE.one("StatefulSet", "redis")["spec"]["serviceName"] == "redis"
    [_, to_redis] = BASE.one("NetworkPolicy", "ratelimit")["spec"]["egress"]
    [listening] = container("redis")["ports"]
    assert [one["port"] for one in to_redis["ports"]] == [listening["containerPort"]]
    # These would make counts inexact, or calls pass that are over a limit.
    assert variables.keys().isdisjoint(
        {"BACKEND_TYPE", "STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT", "SHADOW_MODE", "QUOTA_MODE"}
    )
    # Kubernetes mounts each file of a ConfigMap twice.
    assert variables["RUNTIME_IGNOREDOTFILES"] == "true"


def test_the_configuration_of_the_service_is_that_of_the_example():
    example = BASE.folder.parent / "ratelimit" / "mcp-policy.yaml"
    assert yaml.safe_load((BASE.folder / "mcp-policy.yaml").read_text()) == yaml.safe_load(
        example.read_text()
    )


def test_the_commands_of_the_readme_can_be_run(tmp_path):
    readme = BASE.folder / "README.md"
    shell = Shell(tmp_path, readme)
    done = shell.run("\n".join(commands(readme)), {})
    assert done.returncode == 0, done.stderr
    assert not (shell.folder / "password").exists()
    [created] = re.findall(r"create secret generic (\S+) --from-file=(\S+)", readme.read_text())
    assert created == tuple(SECRET.values())


# Redis, as in its pod.


class Pod:
    """A Redis that was started with the command of the pod, in a folder in place of the volume."""

    def __init__(self, folder, password: str) -> None:
        self.folder, self.password = folder, password
        self.data = folder / "data"
        self.data.mkdir(exist_ok=True)
        self._programs = folder / "programs"
        if not self._programs.exists():
            self._programs.mkdir()
            (self._programs / "redis-server").symlink_to(places.redis())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        # The port and the folder are the test's own; all else is as in the pod.
        text = (BASE.folder / "redis.conf").read_text().replace("dir /data", f"dir {self.data}")
        (folder / "redis.conf").write_text(f"{text}\nport {self.port}\nbind 127.0.0.1\n")
        self.start()

    def start(self) -> None:
        command = container("redis")["command"] + container("redis")["args"]
        assert "/etc/redis/redis.conf" in command[-1]
        command[-1] = command[-1].replace("/etc/redis/redis.conf", str(self.folder / "redis.conf"))
        [variable] = container("redis")["env"]
        more = {"LD_LIBRARY_PATH": places.redis_libraries()} if places.redis_libraries() else {}
        path = f"{self._programs}{os.pathsep}{os.environ['PATH']}"
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **more, "PATH": path, variable["name"]: self.password},
            stdout=(self.folder / "log").open("wb"),
            stderr=subprocess.STDOUT,
        )
        wait_for(self._answers, "Redis to answer")

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            return self.ask(f"AUTH {self.password}", "PING")[-1] == "+PONG"
        except OSError:
            return False

    def ask(self, *lines: str) -> list:
        """Send commands on one connection; return the first line of each answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            stream = connection.makefile("rw", newline="\r\n")
            stream.write("".join(f"{line}\r\n" for line in lines))
            stream.flush()
            return [stream.readline().strip() for _ in lines]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@needs_redis
def test_redis_wants_the_password_evicts_nothing_and_keeps_its_counters(tmp_path):
    redis = Pod(tmp_path, "a" * 64)
    try:
        assert redis.ask("INCR count") == ["-NOAUTH Authentication required."]
        assert redis.ask("AUTH wrong")[0].startswith("-WRONGPASS")
        auth = f"AUTH {redis.password}"
        assert redis.ask(auth, "INCR count") == ["+OK", ":1"]
        # The password is not among the arguments of the process.
        assert (
            redis.password
            not in subprocess.run(
                ["ps", "-o", "args=", "-p", str(redis.process.pid)], capture_output=True, text=True
            ).stdout
        )
        # Kubernetes sends the signal to the process that it has started: it must be Redis itself.
        assert redis.stop() == 0
        redis.start()
        assert redis.ask(auth, "INCR count") == ["+OK", ":2"]
        redis.process.kill()
        redis.process.wait()
        redis.start()
        assert redis.ask(auth, "INCR count") == ["+OK", ":3"]
        with socket.create_connection(("127.0.0.1", redis.port), timeout=10) as connection:
            connection.sendall(f"{auth}\r\nCONFIG GET maxmemory-policy\r\n".encode())
            wait_for(lambda: b"noeviction" in connection.recv(4096), "the setting")
    finally:
        redis.process.kill()
        redis.process.wait()
