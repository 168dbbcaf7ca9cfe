"""The words with which models are asked: kept in versions, followed by every process, changed by administrators."""
