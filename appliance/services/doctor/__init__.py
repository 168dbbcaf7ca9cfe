"""What the doctor says of a box: pure checks over what was read of it, each finding with its meaning and its remedy.

Knows no file, socket, clock or setting; `bootstrap/doctor` reads them.
"""
