-- The exact kind comes before the pattern.
return {status = "Suspended", message = "VPCs are made by hand"}
