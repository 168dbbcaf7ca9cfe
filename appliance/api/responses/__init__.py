"""`/v1/responses` over engines that know chat completions only: requests in, chat out, events back."""
