"""All measurements in one run, one after the other, so that none disturbs another.

    python bench/run.py            # about five minutes
    python bench/run.py tokens     # only these

The simulation of the loop (`bench/loop_simulation.py`) and the real clients (`bench/clients/run.py`) take longer and
run by themselves.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ALL = ("startup", "overhead", "tokens", "loop_requests", "waits", "memory")


def main(names: list[str]) -> int:
    """Run them and say which missed their goal; the exit code is how many did."""
    missed = [name for name in names if not passed(name)]
    print("\nEvery goal was met." if not missed else f"\nGoal missed or failed: {', '.join(missed)}.")
    return len(missed)


def passed(name: str) -> bool:
    """Run one measurement under its own name."""
    print(f"\n== {name}", flush=True)
    return subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(ALL)))
