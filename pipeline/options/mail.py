"""Parameters of graph=mail on Dataflow: on one machine they are variables of the environment."""

from typing import Final

from pipeline import values
from pipeline.options.parameter import ON_DATAFLOW, Parameter, ParameterGroup
from pipeline.values import Kind


def of_variable(
    name: str,
    label: str,
    help_text: str,
    example: str,
    kind: Kind[str] = values.LINE,
    *,
    group: ParameterGroup = ParameterGroup.MAIL,
) -> Parameter[str]:
    """Return a parameter of graph=mail: on one machine it is a variable of the environment."""
    return Parameter(
        name=name,
        label=label,
        help=help_text,
        group=group,
        kind=kind,
        takers=ON_DATAFLOW,
        default="",
        example=example,
        metavar="TEXT",
    )


# The values of the variables of the environment with the same names in capital letters.
OF_MAIL: Final = (
    of_variable(
        "email_from",
        "Sender of mail",
        "Who mail is from, in graph=mail.",
        "Acme <notifications@acme.example>",
    ),
    of_variable(
        "email_providers",
        "Providers of mail",
        "Through whom mail is sent: resend, smtp, or both in their order.",
        "resend,smtp",
        values.PROVIDERS,
    ),
    of_variable(
        "email_reply_to",
        "Who gets the answers to mails",
        "By default the sender.",
        "Acme <help@acme.example>",
    ),
    of_variable(
        "resend_api_key_secret",
        "Secret with the key of Resend",
        "The name of a secret in Secret Manager. Only the workers read its value.",
        "projects/my-project/secrets/resend-key",
        values.ANY_SECRET,
    ),
    of_variable(
        "smtp_url_secret",
        "Secret with the address of a mail server",
        "The name of a secret in Secret Manager. Only the workers read its value.",
        "projects/my-project/secrets/smtp-url",
        values.ANY_SECRET,
    ),
    of_variable(
        "public_url",
        "Address of the HTTP service",
        "Where the service is reached from outside. With it, digests and nudges have a link to"
        " unsubscribe.",
        "https://notify.acme.example",
        values.WEBHOOK,
    ),
    of_variable(
        "unsubscribe_secret",
        "Secret with the secret of links to unsubscribe",
        "The name of a secret in Secret Manager, the same as that of the service. Only the workers"
        " read its value.",
        "projects/my-project/secrets/fanout-unsubscribe",
        values.ANY_SECRET,
    ),
    of_variable("brand_name", "Brand", "Whose mails these are.", "Acme"),
    of_variable(
        "brand_url",
        "Site",
        "The address of your site. Links in mails are joined to its root.",
        "https://app.acme.example",
        values.WEBHOOK,
    ),
    of_variable(
        "brand_colour", "Colour", "The colour of buttons and links.", "#1f4fd8", values.COLOUR
    ),
    of_variable(
        "brand_logo_url",
        "Logo",
        "An image for the header of a mail.",
        "https://app.acme.example/logo.png",
        values.WEBHOOK,
    ),
    of_variable(
        "brand_address",
        "Postal address",
        "Your postal address, for the footer.",
        "Acme, 1 Mill Street, Springfield",
    ),
    of_variable(
        "brand_preferences",
        "Page for preferences",
        "The path of the page where people choose what they get.",
        "/settings/notifications",
    ),
    of_variable(
        "brand_link_hosts",
        "Further hosts of links",
        "More hosts to which links in mails may lead, separated by commas.",
        "auth.acme.example",
        values.HOSTS,
    ),
)
