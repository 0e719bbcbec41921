"""The filter beside other ways to decide on a tool call in Envoy: `make bench ARGS=--peers`, `make bench-report`.

rows      what is measured: names, sizes of bodies, and what each row does
chains    Envoy's configuration of each row
measure   CPU and calls a second under sustained load, and latencies at a fixed rate, interleaved
figures   the medians
page      the tables of `docs/performance.md`
plot      its plot, drawn from the tables

All rows are listeners of one Envoy with one worker, and each size of body is a set of rows of its own: only rows with
the same body are compared.
"""
