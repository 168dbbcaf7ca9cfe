"""What may be spent: caps in money per day and month, reserved before a call and settled after it."""
