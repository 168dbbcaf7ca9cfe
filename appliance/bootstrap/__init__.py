"""The one place that sees everything: settings become engines, stores, repositories, services and doors.

One module per room; `gateway` and `worker` join them into processes.
"""
