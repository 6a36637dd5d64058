"""The ways into one mailbox: SFTP and HTTPS. They move bytes and names; every write is an exchange action."""
