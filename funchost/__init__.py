"""Runs the triggers of a ``function_app.py`` without the Functions host.

    python -m funchost --port 7071

A parent supervises; the HTTP functions share their processes and every other function has its own, as on Flex
Consumption. It knows the app only as ``azure.functions`` indexes it, and the queue only as a file
(docs/sqlite-queue.md) or as a queue of a storage account.
"""
