"""One thing that is wrong: where, what, and the way out."""

import dataclasses
import enum

from isochrone.model import ObjectKey


class Severity(enum.StrEnum):
    """Error: certainly wrong. Warning: wrong unless something that the manifests don't show makes it right."""

    ERROR = "Error"
    WARNING = "Warning"


class Rule(enum.StrEnum):
    """What was checked. The words are part of the output's contract; the reference explains each."""

    MALFORMED_TEXT = "MalformedText"
    """The text is no YAML or JSON that kubectl could read."""
    DUPLICATE_KEY = "DuplicateKey"
    """A key stands twice in one object; kubectl would silently take the last."""
    NOT_AN_OBJECT = "NotAnObject"
    """A document is no Kubernetes object."""
    UNKNOWN_KIND = "UnknownKind"
    """The API group has no such kind or version, or the group is a slip for ours."""
    GENERATED_NAME = "GeneratedName"
    """generateName instead of a name."""
    BAD_REQUEST = "BadRequest"
    """The API server could not make sense of the object: metadata of a wrong type, a missing kind."""
    UNKNOWN_FIELD = "UnknownField"
    """A field that the kind does not have."""
    REQUIRED = "FieldValueRequired"
    """A field that is missing."""
    INVALID = "FieldValueInvalid"
    """A value that the schema or one of its rules refuses; changes of what can't be changed, too."""
    TYPE_INVALID = "FieldValueTypeInvalid"
    """A value of another type, such as a boolean where a string must be."""
    NOT_SUPPORTED = "FieldValueNotSupported"
    """A value that is none of those to choose from."""
    FIELD_DUPLICATE = "FieldValueDuplicate"
    """An item that a list has already."""
    TOO_LONG = "FieldValueTooLong"
    """A text that is too long."""
    TOO_MANY = "FieldValueTooMany"
    """A list with too many items."""
    FORBIDDEN = "FieldValueForbidden"
    """A field that must not be set."""
    DUPLICATE_OBJECT = "DuplicateObject"
    """The same kind, namespace and name twice."""
    REF_NOT_FOUND = "RefNotFound"
    """A reference to an object, or to a part of one, that is not among the manifests."""
    REF_CYCLE = "RefCycle"
    """ModelRoutes that lead to each other in a circle."""
    REF_NOT_PERMITTED = "RefNotPermitted"
    """A reference to an object whose allowedNamespaces does not admit this one."""
    NAMESPACE_UNKNOWN = "NamespaceUnknown"
    """A selector asks for labels of a Namespace that is not among the manifests."""
    SECRETS_NOT_CHECKED = "SecretsNotChecked"
    """Secrets are referred to, and none is among the manifests."""
    UNKNOWN_PLACE = "UnknownPlace"
    """An airport, country or subdivision that does not exist."""
    DISTANT_PLACE = "DistantPlace"
    """Coordinates far from everything in the jurisdiction that stands beside them."""
    REGION_CONTRADICTED = "RegionContradicted"
    """An endpoint declared to be where it does not process, by its host, its model's name or what it is sent."""
    REGION_NOT_PINNED = "RegionNotPinned"
    """An endpoint that may process elsewhere than is declared: nothing that is sent binds it to a region."""
    UNKNOWN_BLOC = "UnknownBloc"
    """A name that is neither an ISO 3166 code nor a bloc."""
    BLOC_CYCLE = "BlocCycle"
    """A bloc that contains itself."""
    BLOC_NAME_TAKEN = "BlocNameTaken"
    """A bloc with the name of a shipped bloc or of a jurisdiction."""
    NAME_TAKEN = "NameTaken"
    """Two ModelRoutes claim one public model name."""
    UNSATISFIABLE = "Unsatisfiable"
    """A policy, or two together, that no place satisfies."""
    BINDS_NOTHING = "BindsNothing"
    """A policy that binds none of the ModelRoutes."""
    NO_LAWFUL_PLACE = "NoLawfulPlace"
    """A route, tenant or endpoint for which the law leaves no place."""
    COPIES_FORBIDDEN = "CopiesForbidden"
    """A bucket for a site's evidence where a policy forbids what it lets be logged at the site."""
    NO_FITTING_DEVICE = "NoFittingDevice"
    """A ModelRoute that no GPUPool can hold."""
    NO_CAPACITY = "NoCapacity"
    """A ModelRoute whose GPUPools are too few."""
    CALLS_NOTHING = "CallsNothing"
    """An InferenceTenant that may call no ModelRoute."""
    KEY_SHARED = "KeyShared"
    """One API key that belongs to two tenants."""
    MATCHES_NOTHING = "MatchesNothing"
    """A selector that matches no EdgeNode."""
    USED_BY_NOBODY = "UsedByNobody"
    """A pool or provider that no namespace may use."""
    NOT_ADVERTISED = "NotAdvertised"
    """A site among several whose gateway the others can't reach."""
    ADDRESS_TAKEN = "AddressTaken"
    """A host name or an address for peers that two sites claim."""
    SHARED_CLUSTER = "SharedCluster"
    """Several sites in one cluster that are not told apart by nodes."""


Key = ObjectKey


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding. There may be no object, as in a text that can't be read; the field may be empty."""

    severity: Severity
    rule: Rule
    file: str
    line: int
    object: Key | None
    field: str
    message: str
    way_out: str

    def order(self) -> tuple[str | int, ...]:
        """By file and line; where they are the same, by what is said."""
        return self.file, self.line, self.severity, self.field, self.rule, self.message, str(self.object)
