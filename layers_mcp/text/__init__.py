"""Text from outside, made safe to show: sanitising untrusted text, short labels, and the secret that never shows."""
