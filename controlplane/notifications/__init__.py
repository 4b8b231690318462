"""What people and other systems are told: at least once, with one stable id each."""
