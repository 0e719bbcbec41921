"""What the filter costs: CPU of the Envoy process per request, by `make bench`.

contenders  who is measured: listeners of one Envoy, and what is asked of them
load        the client: bursts over connections that stay open
upstream    the server behind Envoy, as light as it can be
cpu         nanoseconds that a process has run
report      the table

All contenders are listeners of one Envoy with one worker, so they share the process, its memory and
the machine's mood. Each round asks every contender for a burst, in an order drawn anew, and what is
compared are the contenders of one round: a machine that is busy in one round is busy for all of
them. Nothing is asserted about time, since that says more of the machine than of the code.
"""
