"""How it goes, for administrators and auditors, without reading along."""
