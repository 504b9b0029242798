"""What the verifier says: findings, each with what was found where, and a summary of what was proved."""

import dataclasses
import enum


class Severity(enum.StrEnum):
    """An error means that the law isn't proved; a warning, that a config is stricter than what is declared."""

    ERROR = "Error"
    WARNING = "Warning"


class Rule(enum.StrEnum):
    """What is wrong."""

    BROKEN_CONFIG = "BrokenConfig"
    """A config is damaged, incomplete, or contradicts itself: no gateway would run it."""
    NOT_SIGNED = "NotSigned"
    """No trusted key signed it."""
    MISSING_CONFIG = "MissingConfig"
    """A site has none, so nothing is known of it."""
    NOT_READ = "NotRead"
    """An object that may open traffic, start pods or lead requests, of a kind that nobody here understands; or one that
    may not be there as it is."""
    GIVEN_TWICE = "GivenTwice"
    """Two objects of one name that differ, in what may be one cluster: one of them will not be there."""
    NOT_DECLARED = "NotDeclared"
    """A config, a route, a tenant, a peer or a provider that nobody declared."""
    WRONG_PLACE = "WrongPlace"
    """Something is said to be where it isn't."""
    WRONG_ADDRESS = "WrongAddress"
    """What is called there isn't what was declared to be there."""
    WRONG_LAW = "WrongLaw"
    """A compiled table, or whom it binds, isn't what the policy says."""
    WRONG_SUBJECT = "WrongSubject"
    """Whose data it is, from where or of which classes, isn't what is declared."""
    WRONG_SETTING = "WrongSetting"
    """What holds where no policy binds, or as a config ages, isn't what is declared."""
    UNLAWFUL = "Unlawful"
    """Data can get to where a policy forbids it."""
    UNLAWFUL_ENGINES = "UnlawfulEngines"
    """Engines stand where nobody's data may be handled, or their weights may not be."""
    EGRESS_OPEN = "EgressOpen"
    """Pods may talk to more than they have to."""
    INGRESS_OPEN = "IngressOpen"
    """Engines admit others than the gateway of their site."""


class Egress(enum.StrEnum):
    """How far a site's cluster itself holds its gateway to whom it may call."""

    BY_NAME = "ByName"
    """Hosts by their names, by Cilium or GKE."""
    BY_ADDRESS = "ByAddress"
    """Addresses and pods alone."""
    BY_PORT = "ByPort"
    """Any address, at some ports: the gateway's own list of whom it calls is all that holds it."""
    NONE = "None"
    """No policy at all."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong. `path` leads from the site to the place, for what can happen to data."""

    rule: Rule
    site: str
    where: str
    """The file or object that says so."""
    message: str
    path: tuple[str, ...] = ()
    policy: str | None = None
    severity: Severity = Severity.ERROR
    cases: int = 1
    """In how many combinations; the message tells of the first."""

    def order(self) -> tuple[bool, bool, str, str, str, str]:
        """Errors first; and what is wrong before what follows from it."""
        follows = self.rule in {Rule.UNLAWFUL, Rule.UNLAWFUL_ENGINES}
        return self.severity is not Severity.ERROR, follows, self.site, self.rule, self.where, self.message


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SiteSummary:
    """What is known of one site."""

    name: str
    place: str
    egress: Egress
    detail: str
    """Ports or hosts, for people."""
    signed_by: tuple[str, ...]
    candidates: int
    combinations: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was found."""

    findings: tuple[Finding, ...]
    sites: tuple[SiteSummary, ...]
    policies: int
    routes: int
    tenants: int
    origins: int
    """Codes of ISO 3166, each of which was looked at by itself."""
    classes: int
    """Classes of origins that nothing here can tell apart."""

    @property
    def combinations(self) -> int:
        return sum(each.combinations for each in self.sites)

    @property
    def holds(self) -> bool:
        return all(each.severity is not Severity.ERROR for each in self.findings)
