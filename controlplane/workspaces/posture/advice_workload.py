"""Advice on what is trained: images and texts (S3-38, S3-46). Pure data.

Source: learn.microsoft.com, "Machine learning operations" (computer vision and natural language processing
architectures).
"""

from __future__ import annotations

from controlplane.workspaces.posture.advice_model import Advice
from controlplane.workspaces.spec_model import Workload

WORKLOAD_ADVICE = (
    Advice(
        "ImagesInBlobOrDataLake",
        ("S3-38",),
        "$.workload",
        "Images are kept in Blob Storage or Data Lake Storage Gen2, where labelling projects and jobs read them.",
        lambda spec, _: spec.workload is Workload.CV,
    ),
    Advice(
        "TextsAreAnnotatedFirst",
        ("S3-46",),
        "$.workload",
        "The inner loop of a language model has steps of its own: sentence annotators, tokenisation, normalisation, "
        "embeddings; keep each as a component, so that a retraining runs the same ones.",
        lambda spec, _: spec.workload is Workload.NLP,
    ),
)
