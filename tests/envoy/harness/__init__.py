"""Starts a real Envoy with the filter in it, for the tests, the demo and the measurements.

bootstrap   what Envoy is told: listener, filter, clusters
options     what a test may choose
policy      a policy in each of the forms Envoy can carry it in
runs        Envoy as a container of the Compose file, or natively
proxy       a running Envoy: its address, stats, log, memory, updates
http1       exact bytes over a socket
http2       HTTP/2 with trailers
approvals   an approval service, and what a call's fingerprint is
rpc         JSON-RPC messages and the plain way to post them
load        many calls at once, and a million one after another
"""
