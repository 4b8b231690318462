"""The only place that imports an Azure SDK: small adapters behind the protocols of ``controlplane.ports``.

    ArmReader, AzureCatalog   reads of every provider, through one small ARM client
    ArmWriter                 writes; networks and private DNS through their SDKs, the rest through the ARM client
    JobClient                 machine learning jobs, through azure-ai-ml

Importing any of these imports no SDK. ``_pipeline`` and ``credentials`` do; they are loaded on first use, in a
thread, as are the SDKs that ``sdk_client`` and ``jobs`` route to. Clients are made once per process and identity,
on the event loop that uses them, and closed.
"""
