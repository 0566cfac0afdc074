"""Where the real recordings come from: one pinned record per data set."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORCE_FIELD", "NULL_FIELD", "PENDIGITS", "PMD_REACH", "RAT_MOTOR_TIMING", "Source"]


@dataclass(frozen=True)
class Source:
    """A data set in a public repository, pinned to one commit.

    Attributes
    ----------
    folder : str
        Its folder below FASTIGIAL_DATA and below the cache.
    repository, commit, path : str
        GitHub owner/name, full commit and the folder in that repository.
    files : mapping of str to str
        File name to SHA-256. Empty where the set is too large to pin file by file.
    licence, citation : str
        What the authors ask for.
    names : mapping of str to str
        What a file is called in the repository, where that is something else.
    """

    folder: str
    repository: str
    commit: str
    path: str
    files: Mapping[str, str]
    licence: str
    citation: str
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def url(self, file: str) -> str:
        """Return the public address of one file at the pinned commit."""
        name = self.names.get(file, file)
        return f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/{self.path}/{name}"

    def attrs(self) -> dict[str, str]:
        """Return what a recording from this source says about its origin."""
        return {
            "source": f"https://github.com/{self.repository}/tree/{self.commit}/{self.path}",
            "licence": self.licence,
            "citation": self.citation,
        }


PMD_REACH = Source(
    folder="monkey_pmd_reach",
    repository="kendranoneman/DataHigh",
    commit="516c2921b15aaa127e805a8ac2a4bfb8cfc9740d",
    path="data",
    files=MappingProxyType(
        {
            "ex1_spikecounts.mat": "f7ae240b31da62098148c0a4a35ed2c6d2c19b935599aabea633d0e73de16d9f",
            "ex2_rawspiketrains.mat": "baa0307da896b4fbb488c59c54a6abbf7b0ea32e0dfaf58dbef47abdaa1de309",
        }
    ),
    licence="GPL (repository: GPL-2.0 upstream, GPL-3.0 in this copy); no separate licence for the data",
    citation="Cowley et al. 2013, J Neural Eng 10:066012; Yu et al. 2009, J Neurophysiol 102:614-635",
)

RAT_MOTOR_TIMING = Source(
    folder="rat_motor_timing",
    repository="ahwillia/affinewarp",
    commit="6042b2a8d4c6646b725cc53ebf1161aa9c49d32b",
    path="examples/rat_motor_cortex",
    files=MappingProxyType({"motor_ctx_data.npz": "8c127bd4070c4810088ba5d0ece11ed9f4bb58c044952b90c9911ac69d467551"}),
    licence="no licence file at this commit (later releases of the project are MIT); none for the data",
    citation="Williams et al. 2020, Neuron 105:246-259.e8; recorded by A. Dhawale and B. Olveczky",
)

FORCE_FIELD = Source(
    folder="monkey_cerebellar_block/force_field",
    repository="kadmon-lab/cortico-cerebellar-pathway",
    commit="3af97ac8487ef6572a09186b2bec0e4d12079252",
    path="processed_data_Sophie_4conds",
    files=MappingProxyType({}),
    licence="none stated: look and evaluate, do not redistribute",
    citation="Israely et al. 2025, Nature Communications, s41467-025-57832-4; doi:10.5281/zenodo.14778754",
)

NULL_FIELD = Source(
    folder="monkey_cerebellar_block/null_field",
    repository=FORCE_FIELD.repository,
    commit=FORCE_FIELD.commit,
    path="processed_data_CONT8-HFS8",
    files=MappingProxyType({}),
    licence=FORCE_FIELD.licence,
    citation=FORCE_FIELD.citation,
)

PENDIGITS = Source(
    folder="digits_pendigits",
    repository="choucavalier/pendigits-hmm",
    commit="03382e1457941714439d40b67e53eaf117fe4d08",
    path="data",
    files=MappingProxyType(
        {
            "pendigits-orig.tra": "a66225d68d7d68591e62944df1ad33b3f5aa608e2df2505844b41f5568a80da4",
            "pendigits-orig.tes": "ddb1c19e277a56c7ffe682cc024d6ab73696f9adcc1643ef9ed5aa753007e081",
        }
    ),
    licence="UCI Machine Learning Repository, data set 81; its sets are under CC BY 4.0",
    citation="Alpaydin & Alimoglu 1998, Pen-Based Recognition of Handwritten Digits, UCI Machine Learning Repository",
    names=MappingProxyType({"pendigits-orig.tra": "pendigits-train", "pendigits-orig.tes": "pendigits-test"}),
)
