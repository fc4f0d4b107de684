"""What pages read: answers that are kept between reruns, and those asked for ahead."""
