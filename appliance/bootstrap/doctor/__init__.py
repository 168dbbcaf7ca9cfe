"""What the doctor reads of a box, joined to what it says of that (`services/doctor`). Reading changes nothing."""
