"""What services need from the world, as protocols. Stores and clocks implement them."""
