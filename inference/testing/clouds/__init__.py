"""What providers' servers take and say, each in its own words, for the stand-in `inference.testing.fake_cloud`."""
