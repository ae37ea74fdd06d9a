"""Print the container spec of the flex template.

``python -m pipeline.runtime.template --image IMAGE``. ``gcloud dataflow flex-template build`` omits
the streaming modes, so we write the spec ourselves.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any, Final

from pipeline.options.parameter import Parameter, Taker
from pipeline.options.table import PARAMETERS

PLACEHOLDER: Final = "REGION-docker.pkg.dev/PROJECT/REPOSITORY/fanout:TAG"
_ANYTHING: Final = r"\S+"


def container_spec(image: str) -> dict[str, Any]:
    """Return the spec that Dataflow reads from Cloud Storage to launch a job.

    Args:
        image: the image that launches the job and runs its workers.
    """
    return {
        "image": image,
        "sdkInfo": {"language": "PYTHON"},
        "metadata": {
            "name": "Fanout",
            "description": "Domain events from Pub/Sub become notifications and e-mails in"
            " Postgres, each exactly once.",
            "streaming": True,
            "supportsAtLeastOnce": True,
            "supportsExactlyOnce": True,
            "defaultStreamingMode": "EXACTLY_ONCE",
            "parameters": [*map(_metadata, PARAMETERS), _IMAGE],
        },
        "defaultEnvironment": {"sdkContainerImage": image, "enableStreamingEngine": True},
    }


def _metadata(parameter: Parameter[Any]) -> dict[str, Any]:
    metadata = {
        "name": parameter.name,
        "label": parameter.label,
        "helpText": f"{parameter.help} Example: {parameter.shown}",
        "groupName": parameter.group,
        "paramType": parameter.kind.form,
        "isOptional": Taker.LAUNCH not in parameter.needed_by,
        "regexes": [f"^{parameter.kind.pattern}$"],
    }
    if parameter.default_text:
        metadata["defaultValue"] = parameter.default_text
    return metadata


# One of Beam's options. A template rejects options that its spec does not list.
_IMAGE: Final = {
    "name": "sdk_container_image",
    "label": "Image of the workers",
    "helpText": "Default: the image of the template itself.",
    "groupName": "Workers",
    "paramType": "TEXT",
    "isOptional": True,
    "regexes": [f"^{_ANYTHING}$"],
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the spec."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.runtime.template", description="Print the flex template's spec."
    )
    parser.add_argument("--image", default=PLACEHOLDER, help="default: %(default)s")
    spec = container_spec(parser.parse_args(arguments).image)
    sys.stdout.write(json.dumps(spec, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
