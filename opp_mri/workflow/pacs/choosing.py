"""Which series of a study could have a role, by one header of each, before anything is pulled."""

from collections.abc import Iterator, Sequence
from typing import Final

import attrs
from attrs import frozen

from opp_mri.dicom.network.archive import Archive
from opp_mri.dicom.network.received import read_instance
from opp_mri.dicom.roles.study import assign_roles
from opp_mri.dicom.stacks import describe_series
from opp_mri.domain.imaging import (
    FrameReference,
    Instance,
    Plane,
    SeriesRole,
    Usability,
    VolumeDescription,
)
from opp_mri.domain.peer import RemoteInstance, RemoteSeries
from opp_mri.errors import InputError

REPORT_MODALITIES: Final = ("SR",)
IMAGE_MODALITIES: Final = ("MR", "")


@frozen(kw_only=True)
class SeriesChoice:
    """Whether a series is pulled, and why.

    Parameters
    ----------
    role
        The role that its header speaks for, if any.
    reason
        A sentence.
    """

    series: RemoteSeries
    is_wanted: bool
    role: SeriesRole | None = None
    reason: str = ""


def choose_series(
    archive: Archive,
    series: Sequence[RemoteSeries],
    *,
    with_reports: bool,
    take_all: bool,
    allow_gradient_echo: bool,
) -> list[SeriesChoice]:
    """Choose among the series of one study.

    The header of one image of each MR series is judged as `opp-mri index` judges all of them. Where
    a sagittal series is rejected by it, the first and the last image are asked too, since a series
    may hold several kinds of images.

    Parameters
    ----------
    with_reports
        Whether structured reports are wanted.
    take_all
        Whether all series are wanted, whatever their headers say.
    allow_gradient_echo
        Whether gradient echoes may have a role.
    """
    choices: dict[str, SeriesChoice] = {}
    volumes: dict[str, list[VolumeDescription]] = {}
    for remote_series in series:
        uid = remote_series.series_instance_uid
        if take_all:
            choices[uid] = SeriesChoice(
                series=remote_series, is_wanted=True, reason="All are pulled."
            )
        elif remote_series.modality in REPORT_MODALITIES:
            reason = "A report." if with_reports else "A report: pulled with --reports."
            choices[uid] = SeriesChoice(series=remote_series, is_wanted=with_reports, reason=reason)
        elif remote_series.modality not in IMAGE_MODALITIES:
            choices[uid] = SeriesChoice(series=remote_series, is_wanted=False, reason="Not MR.")
        else:
            try:
                volumes[uid] = _look_at(archive, remote_series, allow_gradient_echo)
            except InputError as error:
                reason = f"It cannot be judged by its header. {error}"
                choices[uid] = SeriesChoice(series=remote_series, is_wanted=True, reason=reason)
    choices |= _judge(series, volumes, allow_gradient_echo)
    return [choices[remote_series.series_instance_uid] for remote_series in series]


def _judge(
    series: Sequence[RemoteSeries],
    volumes: dict[str, list[VolumeDescription]],
    allow_gradient_echo: bool,
) -> dict[str, SeriesChoice]:
    """Judge the samples of all series together: contrast that was given once stays."""
    samples = [volume for several in volumes.values() for volume in several]
    judged_volumes = assign_roles(samples, allow_gradient_echo=allow_gradient_echo)
    choices = {}
    for remote_series in series:
        own = [
            volume
            for volume in judged_volumes
            if volume.series_instance_uid == remote_series.series_instance_uid
        ]
        if remote_series.series_instance_uid not in volumes:
            continue
        with_role = next((volume for volume in own if volume.role is not None), None)
        example = with_role or next(iter(own), None)
        choices[remote_series.series_instance_uid] = SeriesChoice(
            series=remote_series,
            is_wanted=with_role is not None,
            role=with_role.role if with_role else None,
            reason=example.evidence[-1] if example and example.evidence else "It has no image.",
        )
    return choices


def _look_at(
    archive: Archive, series: RemoteSeries, allow_gradient_echo: bool
) -> list[VolumeDescription]:
    instances = archive.list_instances(series)
    volumes: list[VolumeDescription] = []
    for instance in _sample(instances):
        content = archive.read_header(series, instance)
        volumes += _describe(read_instance(content), series, len(instances))
        judged_volumes = assign_roles(volumes, allow_gradient_echo=allow_gradient_echo)
        if any(volume.role or volume.plane is not Plane.SAGITTAL for volume in judged_volumes):
            break
    return volumes


def _sample(instances: Sequence[RemoteInstance]) -> Iterator[RemoteInstance]:
    """Yield the middle image, then the first and the last, each once."""
    positions = (len(instances) // 2, 0, len(instances) - 1)
    for position in dict.fromkeys(positions):
        if 0 <= position < len(instances):
            yield instances[position]


def _describe(instance: Instance, series: RemoteSeries, count: int) -> list[VolumeDescription]:
    """Describe what a header represents: the whole series, where each image is a file."""
    if instance.series_instance_uid != series.series_instance_uid:
        raise InputError("The archive sent the header of another series.")
    volumes = describe_series([instance])
    if len(instance.frames) > 1:
        return volumes
    frames = (FrameReference(sop_instance_uid=instance.sop_instance_uid),) * max(count, 1)
    return [
        volume if volume.usability is Usability.NOTHING else attrs.evolve(volume, frames=frames)
        for volume in volumes
    ]
