using TaskTracker.AppHost;

namespace TaskTracker.Tests.AppHost;

public sealed class SettingsTests
{
    [Fact]
    public void The_dashboard_can_be_left_out_and_every_other_argument_stays()
    {
        var without = Settings.OptionsFrom(["--no-dashboard", "--Replicas=2"]);
        var with = Settings.OptionsFrom(["--Replicas=2"]);

        Assert.True(without.DisableDashboard);
        Assert.Equal(["--Replicas=2"], without.Args!);
        Assert.False(with.DisableDashboard);
        Assert.Equal(["--Replicas=2"], with.Args!);
    }
}
