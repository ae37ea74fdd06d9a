"""Parameters of graph=push on Dataflow: on one machine they are variables of the environment."""

from typing import Final

from pipeline import values
from pipeline.options.mail import of_variable
from pipeline.options.parameter import ParameterGroup

# The same of graph=push.
OF_PUSH: Final = (
    of_variable(
        "websocket_bus_url",
        "Address of the websocket bus",
        "Where graph=push signals to whoever has the application open. Without it, every push goes"
        " to the phone.",
        "https://bus.acme.example",
        values.WEBHOOK,
        group=ParameterGroup.PUSH,
    ),
    of_variable(
        "websocket_bus_kind",
        "Protocol of the websocket bus",
        "plain or centrifugo; by default plain.",
        "centrifugo",
        group=ParameterGroup.PUSH,
    ),
    of_variable(
        "websocket_bus_namespace",
        "Namespace of Centrifugo",
        "The namespace of the personal channels, if they are in one.",
        "personal",
        group=ParameterGroup.PUSH,
    ),
    of_variable(
        "service_token_secret",
        "Secret with the token for the bus",
        "The name of a secret in Secret Manager. Only the workers read its value.",
        "projects/my-project/secrets/bus-token",
        values.ANY_SECRET,
        group=ParameterGroup.PUSH,
    ),
    of_variable(
        "fcm_project_id",
        "Firebase project",
        "The project whose phones and browsers get pushes. Without it, only the bus is asked.",
        "acme-app",
        group=ParameterGroup.PUSH,
    ),
    of_variable(
        "webhook_key",
        "Secret with the key for webhooks",
        "The name of a secret in Secret Manager: the key that encrypts the secrets of webhook"
        " endpoints. Only the workers read its value.",
        "projects/my-project/secrets/webhook-key",
        values.ANY_SECRET,
        group=ParameterGroup.PUSH,
    ),
    of_variable(
        "webhook_allowed_networks",
        "Networks of webhooks",
        "Networks of yours that webhook endpoints may be in, beside the public internet, separated"
        " by commas.",
        "10.1.0.0/16",
        values.NETWORKS,
        group=ParameterGroup.PUSH,
    ),
)
