"""What the filter costs: CPU of the Envoy process per request, by `make bench`.

policies    the policies under which calls are measured
contenders  who is measured: listeners of one Envoy, and what is asked of them
load        the client and the server behind Envoy: a program in `load/`, which takes one core
cpu         nanoseconds that a process has run
measure     bursts, sustained load and a fixed rate, interleaved, in one Envoy process after another
report      the tables

All contenders are listeners of one Envoy with one worker, so they share the process, its memory and
the machine's mood. Each round asks every contender for the same load, in an order drawn anew, and what
is compared are the contenders of one round: a machine that is busy in one round is busy for all of
them. Processes differ too (where memory lies, what the wasm engine compiled when), so there are several,
and a number is the median over them. Nothing is asserted about time, since that says more of the machine
than of the code; `make cost` counts what does not depend on it.
"""
