"""DataResidencyPolicy: whom it binds, and the places it allows per scope. What it means, `isochrone.law` decides."""

import enum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from isochrone.api.conditions import Status
from isochrone.api.evidence_level import Evidence
from isochrone.api.resource import AGE, READY, REASON, Column, KindInfo, Resource
from isochrone.api.scalars import Area, DataClass, Text
from isochrone.api.schema import SET, Model, Rule, map_list
from isochrone.api.selectors import Namespaces, PositiveSelector


class Scope(enum.StrEnum):
    """What happens to data at a place."""

    INGRESS = "Ingress"
    INFERENCE = "Inference"
    CACHE = "Cache"
    LOGS = "Logs"
    WEIGHTS = "Weights"
    METADATA = "Metadata"
    STATE = "State"


class Mode(enum.StrEnum):
    """Whether a policy decides."""

    ENFORCE = "Enforce"
    AUDIT = "Audit"


class UnknownOrigin(enum.StrEnum):
    """What a policy does with data of unknown origin."""

    DENY = "Deny"
    BIND = "Bind"
    IGNORE = "Ignore"


class Bloc(Model):
    """A set of jurisdictions under a name of your own, for use in this policy."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="self.members.all(m, m != self.name)",
            message="a bloc stands among its own members",
            field=".members",
        ),
    )

    name: Annotated[str, Field(pattern="^[A-Z][A-Za-z0-9]{2,30}$", max_length=64)]
    """The name; it must not be that of a bloc that Isochrone ships."""
    members: Annotated[list[Area], Field(min_length=1, max_length=256), SET]
    """ISO 3166 codes, or other blocs."""
    as_of: Annotated[str, Field(max_length=10, json_schema_extra={"format": "date"})] | None = None
    """The date of the list, as in `2026-01-27`."""
    source: Text | None = None
    """Where the list comes from."""


class Areas(Model):
    """A set of jurisdictions: some, less others."""

    include: Annotated[list[Area], Field(max_length=256), SET]
    """ISO 3166 codes and blocs; `World` is all. A territory with a code of its own is not part of another country."""
    exclude: Annotated[list[Area], Field(max_length=256), SET] | None = None
    """Codes and blocs to leave out again."""


class Binds(Model):
    """Whom a policy binds. What is left out does not matter; what is given must all hold."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="!has(self.origins) || size(self.origins.include) > 0",
            message="a policy for no origin binds nobody: leave origins out to bind every origin",
            field=".origins",
        ),
    )

    origins: Areas | None = None
    """The data comes from one of these places, or may come from one."""
    data_classes: Annotated[list[DataClass], Field(min_length=1, max_length=32), SET] | None = None
    """The data has one of these classes."""
    namespaces: Namespaces | None = None
    """The route or the tenant lives in one of these namespaces."""
    routes: PositiveSelector | None = None
    """The route carries these labels. Whoever may edit the route may take them off: to leave no way out, bind by
    namespaces, origins or data classes."""
    tenants: PositiveSelector | None = None
    """The tenant carries these labels."""


class Allowance(Model):
    """The places that one scope allows."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="has(self.places) || self.originCountry == 'Allow'",
            message="give places, or set originCountry to Allow; places with include: [] allow the scope nowhere",
        ),
    )

    scope: Scope
    """What may happen to the data in these places."""
    places: Areas | None = None
    """The places where that may happen; with `originCountry: Allow`, in addition to the data's own country."""
    origin_country: Literal["Ignore", "Allow"] = "Ignore"
    """Allow: the country that the data comes from is allowed too."""
    min_evidence: Evidence = Evidence.DECLARED
    """How well the place must be known, at least."""


class DataResidencyPolicySpec(Model):
    """What a policy demands."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="self.allow.exists(a, a.scope == 'Inference')",
            message="allow needs an entry for scope Inference: the other scopes take its places unless they are named",
            field=".allow",
        ),
    )

    mode: Mode = Mode.ENFORCE
    """Enforce, or Audit: report what Enforce would refuse, and decide nothing."""
    binds: Binds = Binds()
    """Whom it binds; everybody when left out."""
    allow: Annotated[list[Allowance], Field(min_length=1, max_length=7), map_list("scope")]
    """The places it allows, per scope. A scope that is not named takes the entry of Inference."""
    unknown_origin: UnknownOrigin = UnknownOrigin.DENY
    """Data of unknown origin, where the origin matters. Deny: refuse. Bind: treat it as bound. Ignore: as not bound."""
    blocs: Annotated[list[Bloc], Field(max_length=32), map_list("name")] | None = None
    """Blocs of your own for this policy."""
    way_out: Text | None = None
    """What a refused caller can do, shown in the refusal: a contact, a form, another host name."""


class PolicyException(Model):
    """Something that a policy leaves without a lawful place."""

    route: Annotated[str, Field(max_length=320)]
    """`namespace/name` of the ModelRoute."""
    message: Annotated[str, Field(max_length=1024)]
    """Why, and the way out."""


class DataResidencyPolicyStatus(Status):
    """Whom a policy binds now."""

    bound_routes: Annotated[int, Field(ge=0)] | None = None
    """ModelRoutes that it may bind."""
    bound_tenants: Annotated[int, Field(ge=0)] | None = None
    """InferenceTenants that it may bind."""
    lawful_edge_nodes: Annotated[int, Field(ge=0)] | None = None
    """Sites where it allows inference for some origin."""
    exceptions: Annotated[list[PolicyException], Field(max_length=16), map_list("route")] | None = None
    """Routes that it leaves without a lawful place, the first 16."""


class DataResidencyPolicy(Resource):
    """Where data may go, for whom, and how well the place must be known."""

    info: ClassVar[KindInfo] = KindInfo(
        plural="dataresidencypolicies",
        short_name="drp",
        scope="Cluster",
        columns=(
            Column(name="Mode", path=".spec.mode"),
            Column(
                name="Origins",
                path=".spec.binds.origins.include",
                description="Origins that it binds, exclusions aside",
            ),
            Column(
                name="Inference",
                path='.spec.allow[?(@.scope=="Inference")].places.include',
                description="Where it allows inference, exclusions aside",
            ),
            Column(
                name="Routes",
                path=".status.boundRoutes",
                type="integer",
                description="Routes that it may bind",
            ),
            Column(name="Unknown", path=".spec.unknownOrigin", priority=1),
            READY,
            REASON,
            AGE,
        ),
    )

    kind: Literal["DataResidencyPolicy"] = "DataResidencyPolicy"
    """Always DataResidencyPolicy."""
    spec: DataResidencyPolicySpec
    """Whose data the policy binds, and the places that it allows for each scope."""
    status: DataResidencyPolicyStatus | None = None
    """Whom it binds now."""
