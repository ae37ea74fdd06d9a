"""Our parameters among Beam's options: texts, as the console shows them, and typed values."""

import argparse

from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.options import PARAMETERS, ParameterValues, read


class FanoutOptions(PipelineOptions):
    """The parameters as options of the pipeline; texts, as they were given."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        for parameter in PARAMETERS:
            parser.add_argument(f"--{parameter.name}", default=parameter.default_text)


def given(options: PipelineOptions) -> ParameterValues:
    """The values of our parameters.

    Raises:
        InvalidValue: one of them is not of its kind.
    """
    ours = options.view_as(FanoutOptions)
    return read(PARAMETERS, {each.name: getattr(ours, each.name) for each in PARAMETERS})
