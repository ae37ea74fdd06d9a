"""Our parameters as options of Beam: texts for the console, and typed values."""

import argparse

from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.options.parameter import ParameterValues, read
from pipeline.options.table import PARAMETERS


class FanoutOptions(PipelineOptions):
    """Our parameters as options of Beam. Their values are unparsed texts."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        for parameter in PARAMETERS:
            parser.add_argument(f"--{parameter.name}", default=parameter.default_text)


def given(options: PipelineOptions) -> ParameterValues:
    """Return the parsed values of our parameters.

    Raises:
        InvalidValue: a value is invalid.
    """
    ours = options.view_as(FanoutOptions)
    return read(PARAMETERS, {each.name: getattr(ours, each.name) for each in PARAMETERS})
