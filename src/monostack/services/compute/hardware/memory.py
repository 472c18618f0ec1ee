"""What is asked of a guest's memory: the size of its pages, that it stays in memory, that it is encrypted, that it persists."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from oslo_utils import strutils

from monostack.services.compute.hardware.asked import Asked, Contradiction, Malformed

PAGE_SIZES = ("any", "large", "small")  # besides a number of KiB
SMALL_KIB = 4


@dataclass(frozen=True, slots=True)
class Encryption:
    """A way in which hardware encrypts memory, with what it needs besides UEFI on q35."""

    trait: str
    locks_memory: bool = False
    stateless_firmware: bool = False
    without_video: bool = False


ENCRYPTIONS = {
    "amd-sev": Encryption("HW_CPU_X86_AMD_SEV", locks_memory=True),
    "amd-sev-es": Encryption("HW_CPU_X86_AMD_SEV_ES", locks_memory=True),
    "amd-sev-snp": Encryption("HW_CPU_X86_AMD_SEV_SNP", stateless_firmware=True),
    "intel-tdx": Encryption("HW_CPU_X86_INTEL_TDX", stateless_firmware=True, without_video=True),
}


def page_size_of(asked: Asked) -> str | int | None:
    """In KiB, or one of PAGE_SIZES. Raises Contradiction."""
    by_flavor, by_image = asked.both("mem_page_size")
    if not by_flavor:
        if by_image:
            raise Contradiction(f"Page size {by_image} forbidden against '<empty>'")
        return None
    size = _page_size(by_flavor)
    if not by_image:
        return size
    if size not in ("any", "large"):
        raise Contradiction(f"Page size {by_image} forbidden against '{by_flavor}'")
    return _page_size(by_image)


def _page_size(text: str) -> str | int:
    if text in PAGE_SIZES:
        return text
    if text.isdecimal():
        return int(text)
    try:
        return int(strutils.string_to_bytes(text, return_int=True)) // 1024
    except ValueError:
        raise Contradiction(f"Invalid memory page size '{text}'") from None


def has_small_pages(page_size: str | int | None) -> bool:
    """Are the pages that every guest has of this size?"""
    return page_size in (None, "any", "small", SMALL_KIB)


def is_locked(asked: Asked) -> bool:
    """Is the guest's memory to stay in memory? Raises Contradiction where that makes no sense."""
    by_flavor, by_image = asked.flags("locked_memory")
    if by_flavor is not None and by_image is not None and by_flavor != by_image:
        raise Contradiction(
            f"locked_memory value in image ({by_image}) and flavor ({by_flavor}) conflict. A consistent value is expected if both "
            "specified."
        )
    if (by_flavor or by_image) and not any(asked.both("mem_page_size")):
        raise Contradiction("locked_memory value in image or flavor is forbidden when mem_page_size is not set.")
    return bool(by_flavor or by_image)


def encryption_of(asked: Asked) -> Encryption | None:
    """Raises Contradiction for one that the flavor and the image do not agree about, or that the image is not fit for."""
    by_flavor, by_image = asked.flags("mem_encryption")
    if not by_flavor and not by_image:
        return None
    if None not in (by_flavor, by_image) and by_flavor != by_image:
        _conflict(asked, "mem_encryption", asked.extra_specs["hw:mem_encryption"], by_image)
    model_by_flavor, model_by_image = asked.both("mem_encryption_model")
    if None not in (model_by_flavor, model_by_image) and model_by_flavor != model_by_image:
        _conflict(asked, "mem_encryption_model", model_by_flavor, model_by_image)
    model = model_by_image or model_by_flavor or "amd-sev"
    if model not in ENCRYPTIONS:
        raise Malformed(f"Invalid memory encryption model {model!r}. Allowed values: {', '.join(ENCRYPTIONS)}.")
    by = [f"hw:mem_encryption extra spec in {asked.flavor_name} flavor"] if by_flavor else []
    by += [f"hw_mem_encryption property of image {asked.image_id or '<no-id>'}"] if by_image else []
    _check_fitness(asked, model, by)
    return ENCRYPTIONS[model]


def _conflict(asked: Asked, key: str, by_flavor: object, by_image: object) -> None:
    raise Contradiction(
        f"Flavor {asked.flavor_name} has hw:{key} extra spec explicitly set to {by_flavor}, conflicting with image {asked.image_name} "
        f"which has hw_{key} property explicitly set to {by_image}"
    )


def _check_fitness(asked: Asked, model: str, by: Sequence[str]) -> None:
    needs, image = ENCRYPTIONS[model], asked.properties
    if image.get("hw_firmware_type") != "uefi":
        raise Contradiction(
            f"Memory encryption is requested by {' and '.join(by)} but the image metadata doesn't have the 'hw_firmware_type' property "
            "set to 'uefi'"
        )
    machine = image.get("hw_machine_type")
    if machine is not None and "q35" not in machine:
        raise Contradiction(
            f"Machine type '{machine}' is not compatible with image {asked.image_name} ({asked.image_id or '<no-id>'}): q35 type is "
            f"required for {model} to work"
        )
    if needs.stateless_firmware and not is_firmware_stateless(asked):
        raise Contradiction(
            f"The {model} memory encryption model requires stateless firmware but the image metadata doesn't have the "
            "'hw_firmware_stateless' property set to True"
        )
    if needs.without_video and image.get("hw_video_model") != "none":
        raise Contradiction(
            f"The {model} memory encryption model is incompatible with an attached video device. Set the 'hw_video_model' image property "
            "to 'none' to disable it"
        )


def is_firmware_stateless(asked: Asked) -> bool:
    """Does the image ask for firmware that keeps nothing? It means something of UEFI only."""
    return bool(asked.flags("firmware_stateless")[1]) and asked.properties.get("hw_firmware_type") == "uefi"


def persistent_memory_of(asked: Asked) -> dict[str, int]:
    """Resource classes and amounts for the persistent memory that the flavor names."""
    labels = [label.strip() for label in asked.extra_specs.get("hw:pmem", "").split(",")]
    return dict(Counter(f"CUSTOM_PMEM_NAMESPACE_{label.upper()}" for label in labels if label))
