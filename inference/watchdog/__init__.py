"""Watches the GPUs and engines of one box: what is lost, slow, hung or dying over and over, since when, what helps.

Rules are pure and look at a history of readings; `looking` takes the readings. Knows nothing of users, pages or alerts.
"""
