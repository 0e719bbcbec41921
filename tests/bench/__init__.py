"""The cost of the filter: CPU of the Envoy process per request, measured by `make bench`.

policies    the policies under which calls are measured
contenders  what is measured: listeners of one Envoy, and their requests
load        the client and the server behind Envoy: a program in `load/`, which uses one core
cpu         nanoseconds that a process has run
measure     bursts, sustained load and a fixed rate, interleaved, in one Envoy process after another
report      the tables
worst       calls that cause much work
shared      limits that several Envoys share
peers       the filter beside Lua, ext_authz and ext_proc

All contenders are listeners of one Envoy with one worker, so they share the process, its memory and the state
of the machine. Each round puts the same load on every contender, in a new random order, and only contenders
of the same round are compared: if the machine is busy in a round, it is busy for all of them. Processes
differ too (memory layout, when the wasm engine compiled what), so there are several, and each number is the
median over them. Nothing is asserted about time, which depends more on the machine than on the code; `make
cost` counts what does not depend on the machine.
"""
