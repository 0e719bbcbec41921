"""Starts a real Envoy with the filter, for the tests, the demo and the measurements.

bootstrap   Envoy's configuration: listener, filter, clusters
options     what a test can configure
policy      a policy in each form that Envoy's configuration can contain
runs        Envoy as a container of the Compose file, or natively
proxy       a running Envoy: its address, stats, log, memory, updates
http1       exact bytes over a socket
http2       HTTP/2 with trailers
approvals   an approval service, and the fingerprint of a call
attacked    servers that can be attacked, and what happened in them
attacks     an attack without a policy and with it
events      the record of the approval service
redis       a real Redis
ratelimit   the rate limit service that several Envoys ask: a stand-in, on that Redis
fleet       limits that several Envoys share, and calls through all of them at once
rpc         JSON-RPC messages and the plain way to post them
load        many calls at once, and a million one after another
"""
