"""The API server's verdict on a custom resource, computed offline from the CRD alone.

Here lives what the server does between a request body and its answer: strict decoding, pruning, defaulting, structural
schema validation, list types and CEL rules, down to the wording of each message; and `lint_crd`, which keeps CRDs in
the part of it that the server and this package decide alike. Must not live here: what our resources mean, YAML, files,
network. Imports nothing of ours. Wording and quirks are those of Kubernetes 1.37, the release that it is tested
against; others word some messages differently.
"""

from isochrone.admission.finding import Finding, Kind
from isochrone.admission.structure import UnsupportedSchema
from isochrone.admission.subset import lint_crd
from isochrone.admission.verdict import Schema, admit, defaulted

__all__ = ["Finding", "Kind", "Schema", "UnsupportedSchema", "admit", "defaulted", "lint_crd"]
