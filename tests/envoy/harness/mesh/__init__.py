"""Manifests of Istio and Envoy Gateway, and what these control planes make of them for Envoy.

Neither control plane runs in the tests. `istio` and `gateway` do what the versions that `crds` names do, as their
sources say; a real Envoy gets the result.
"""
