"""The clock of a native Envoy, which a test can step back and forward while Envoy runs."""

import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


def compiler() -> str | None:
    """Find a C compiler. Rust needs one as its linker, so there usually is one."""
    return shutil.which("cc")


class Clock:
    """The clock of the Envoys that start with `environment`: the machine's, and `step` seconds.

    An existing program, libfaketime, is not used, because Envoy's memory allocator asks for the time before that is ready.
    """

    def __init__(self, folder: Path) -> None:
        library, self._step = folder / "clock.so", folder / "clock.step"
        command = [compiler(), "-shared", "-fPIC", "-O1", "-o", library, SOURCE]
        subprocess.run(command, check=True)
        self.step(0)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_STEP": str(self._step)}

    def step(self, seconds: int) -> None:
        """Set how far the clock is from the machine's."""
        # The file is mapped, so it is changed in place.
        with open(self._step, "r+b" if self._step.exists() else "wb") as file:
            file.write(struct.pack("=q", seconds))
