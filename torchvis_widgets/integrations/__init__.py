"""What other tools write and read; one file each, imported only when it is used."""
