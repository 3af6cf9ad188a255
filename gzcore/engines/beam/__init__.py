"""How a Beam graph is started, watched and cancelled. Import it late: Beam takes seconds."""
