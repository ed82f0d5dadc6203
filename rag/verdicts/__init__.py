"""Whether cited words bear a sentence out: `verdict` judges, everything else here is what it reads with."""
