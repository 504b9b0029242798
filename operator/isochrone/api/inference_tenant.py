"""InferenceTenant: who may call, with which keys, for whose data, and how much."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from isochrone.api.conditions import Status
from isochrone.api.resource import AGE, READY, REASON, Column, KindInfo, Resource
from isochrone.api.scalars import Area, DataClass, Label, Money, Sha256
from isochrone.api.schema import ATOMIC, SET, Model, Rule, map_list

_EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class Key(Model):
    """One API key, by its hash. Keys are generated (`openssl rand -hex 32`), never chosen."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule=f"self.sha256 != '{_EMPTY_SHA256}'",
            message="this is the hash of the empty string: anybody would have this key",
            field=".sha256",
        ),
    )

    name: Label
    """A name to tell keys apart, in metrics too."""
    sha256: Sha256
    """SHA-256 of the key as clients send it: `printf %s KEY | sha256sum`. The key itself has at least 160 random bits,
    as `openssl rand -hex 32` makes them."""
    expires: Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})] | None = None
    """When the key stops working, RFC 3339."""


class RouteRef(Model):
    """A ModelRoute."""

    namespace: Label | None = None
    """The namespace of the ModelRoute; that of the tenant when left out."""
    name: Label
    """The name of the ModelRoute."""


class Limits(Model):
    """How much at once. What is left out is not limited."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="has(self.requestsPerMinute) || has(self.tokensPerMinute) || has(self.concurrentRequests)",
            message="name at least one limit, or leave limits out",
        ),
    )

    requests_per_minute: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    """Requests in a minute."""
    tokens_per_minute: Annotated[int, Field(ge=1, le=1_000_000_000_000)] | None = None
    """Tokens in a minute, prompt and answer."""
    concurrent_requests: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Requests in flight."""


class Budget(Model):
    """How much money in a window of UTC calendar time."""

    window: Literal["Hour", "Day", "Week", "Month"]
    """The window, aligned with the calendar."""
    amount: Money
    """US dollars."""
    action: Literal["Refuse", "Report"] = "Refuse"
    """What happens past it: requests are refused, or it is reported only."""


class InferenceTenantSpec(Model):
    """What a tenant may do."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="self.keys.all(k, self.keys.exists_one(other, other.sha256 == k.sha256))",
            message="the same hash stands under two names",
            field=".keys",
        ),
        Rule(
            rule="self.originHeader != 'Trust' || has(self.origins)",
            message="originHeader Trust needs origins: the header may only choose among them",
            field=".originHeader",
        ),
    )

    keys: Annotated[list[Key], Field(min_length=1, max_length=32), map_list("name")]
    """The keys that are this tenant's."""
    allowed_routes: Annotated[list[RouteRef], Field(max_length=256), ATOMIC] | None = None
    """The ModelRoutes it may call; all of its own namespace when left out. Those of other namespaces must allow it."""
    origins: Annotated[list[Area], Field(min_length=1, max_length=256), SET] | None = None
    """Where its data comes from: ISO 3166 codes or blocs. Left out, the origin is unknown, and policies decide."""
    origin_header: Literal["Ignore", "Trust"] = "Ignore"
    """Whether the header x-isochrone-origin may choose one of `origins` for a request."""
    data_classes: Annotated[list[DataClass], Field(max_length=32), SET] | None = None
    """The classes of its data, in addition to those of the route."""
    data_class_header: Literal["Ignore", "Trust"] = "Ignore"
    """Whether the header x-isochrone-data-classes may add classes for a request."""
    limits: Limits | None = None
    """How many requests and tokens it may use at once. What is left out is not limited."""
    budgets: Annotated[list[Budget], Field(max_length=8), map_list("window")] | None = None
    """How much money its requests may cost in an hour, day, week or month."""
    explain_header: Literal["Deny", "Allow"] = "Deny"
    """Whether it may ask for the reasons of a routing decision (header x-isochrone-explain)."""
    state: Literal["Active", "Suspended"] = "Active"
    """Suspended: its keys are refused, its settings stay."""


class InferenceTenantStatus(Status):
    """What became of a tenant."""

    active_keys: Annotated[int, Field(ge=0)] | None = None
    """Keys that are not expired."""
    policies: Annotated[int, Field(ge=0)] | None = None
    """Residency policies that may bind it."""


class InferenceTenant(Resource):
    """Who may call: keys by hash, origins and classes of the data, limits and budgets."""

    info: ClassVar[KindInfo] = KindInfo(
        plural="inferencetenants",
        short_name="itn",
        scope="Namespaced",
        columns=(
            Column(
                name="Keys",
                path=".status.activeKeys",
                type="integer",
                description="Keys that are not expired",
            ),
            Column(name="Origins", path=".spec.origins", description="Where its data comes from"),
            Column(name="State", path=".spec.state"),
            READY,
            REASON,
            AGE,
        ),
    )

    kind: Literal["InferenceTenant"] = "InferenceTenant"
    """Always InferenceTenant."""
    spec: InferenceTenantSpec
    """The keys of the tenant, the origin and classes of its data, and its limits and budgets."""
    status: InferenceTenantStatus | None = None
    """What the operator found: conditions, keys that still work, and the policies that may bind it."""
