"""What a node does beside the stages: keeping what happened, releasing, answering how it is."""
